"""Trained models in files: which kinds there are, and how each is loaded.

=================  ==================================================================================================
``.pt2``           a program of `torch.export`. Torch runs what such a file holds: load only files that you trust
``.pt .pth .ts``   TorchScript, the same. Any other pickle is refused: to load it is to run code that it holds
``.safetensors``   weights of a class that the job names; they hold numbers alone
``.pt .pth``       as weights: numbers alone, too (`torch.load` with ``weights_only=True``)
=================  ==================================================================================================

A file is known by its SHA-256: a worker that finds other bytes than the plan saw does not load them.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...errors import InputChangedError, InputError, SpecError, UnsafeFileError
from .user_errors import user_code

__all__ = ["LoadedModel", "ModelKind", "check_digest", "file_digest", "load_model", "load_weights", "model_kind"]

ModelKind: TypeAlias = Literal["export", "torchscript"]
_EXPORT, _SCRIPTS = (".pt2",), (".pt", ".pth", ".ts")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model on its device.

    Parameters
    ----------
    call : callable
        Of one tensor of rows.
    n_rows : int or None
        The only number of rows that it takes, where it was exported for one.
    """

    call: Any
    n_rows: int | None = None


def file_digest(path: str) -> str:
    """Return the SHA-256 of a file in hexadecimal; read again only when it was changed.

    Raises
    ------
    InputError
        If it is not there or cannot be read.
    """
    try:
        status = Path(path).stat()
        return _digest_of(str(Path(path).absolute()), status.st_size, status.st_mtime_ns, status.st_ino)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", cause="it is the model", next="check the path"
        ) from error


@lru_cache(maxsize=16)
def _digest_of(path: str, size: int, mtime_ns: int, inode: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path: str, digest: str) -> None:
    """Raise unless a file still is what the plan saw.

    Raises
    ------
    InputChangedError, InputError
    """
    found = file_digest(path)
    if found != digest:
        raise InputChangedError(
            f"{path} is another file than when the job was planned",
            cause=f"its SHA-256 was {digest[:16]}..., and is {found[:16]}...",
            safe="what the job has done is kept",
            next="put the old file back, or start a new job with this one",
        )


def model_kind(path: str) -> ModelKind:
    """Return what kind of model a file is, by its name and its content; nothing of it is run.

    Raises
    ------
    SpecError
        If its name ends in no suffix of a model.
    UnsafeFileError
        If it is a pickle, or anything else that only an unpickler could load.
    InputError
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (*_EXPORT, *_SCRIPTS):
        raise SpecError(
            f"{path} is no model that can be run",
            cause=f"known are {', '.join((*_EXPORT, *_SCRIPTS))}",
            next="weights alone need their class: --function file.py:Class --weights model.safetensors",
        )
    members = _members(path)
    if suffix in _EXPORT:
        if any(name.endswith("archive_format") or "serialized_exported_program" in name for name in members):
            return "export"
        raise InputError(
            f"{path} holds no exported program", cause="torch.export.save writes one", next="save it again"
        )
    if any(name.endswith("/constants.pkl") for name in members) and any("/code/" in name for name in members):
        return "torchscript"
    raise UnsafeFileError(
        f"{path} is a pickled checkpoint, which is not loaded as a model",
        cause="to unpickle a whole model runs whatever code the file holds",
        safe="nothing of it was loaded",
        next="save the model with torch.export.save, or name its class: --function file.py:Class --weights " + path,
    )


def _members(path: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", cause="it is the model", next="check the path"
        ) from error


def load_model(path: str, digest: str, device: str) -> LoadedModel:
    """Return the model of a file, ready to be called.

    Parameters
    ----------
    path, digest : str
    device : str
        Torch's name.

    Raises
    ------
    InputChangedError, UnsafeFileError, InputError, UserCodeError
    """
    kind = model_kind(path)
    check_digest(path, digest)
    with warnings.catch_warnings(action="ignore"), user_code(f"{path} cannot be loaded"):
        return _load_exported(path, device) if kind == "export" else _load_script(path, device)


def _load_exported(path: str, device: str) -> LoadedModel:
    import torch

    program = torch.export.load(path)
    if device != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    first, *others = program.graph_signature.user_inputs
    if others:
        raise SpecError(f"{path} takes {1 + len(others)} inputs", cause="rows are given as one", next="export another")
    (shape,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == first)
    n_rows = shape[0] if len(shape) and isinstance(shape[0], int) else None
    return LoadedModel(program.module(), n_rows)


def _load_script(path: str, device: str) -> LoadedModel:
    import torch

    return LoadedModel(torch.jit.load(path, map_location=device).eval())  # type: ignore[no-untyped-call]


def load_weights(module: Any, path: str, digest: str) -> None:
    """Load the weights of a module, all of them and no others.

    Parameters
    ----------
    module : torch.nn.Module
    path, digest : str

    Raises
    ------
    SpecError
        If they do not fit the module.
    UnsafeFileError
        If the file holds more than numbers.
    InputChangedError, InputError
    """
    check_digest(path, digest)
    weights = _read_weights(path)
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise SpecError(
            f"the weights of {path} do not fit {type(module).__name__}",
            cause="\n".join(line.strip() for line in str(error).splitlines()[1:]) or str(error),
            next="name the class that they were saved from, and its arguments with --kwargs",
        ) from error


def _read_weights(path: str) -> Mapping[str, Any]:
    if path.endswith(".safetensors"):
        try:
            from safetensors import SafetensorError
            from safetensors.torch import load_file
        except ImportError as error:
            need = "pip install 'arraymill[models]'"
            raise SpecError(f"{path} needs safetensors", cause="it is not installed", next=need) from error
        try:
            loaded: dict[str, Any] = load_file(path)
            return loaded
        except SafetensorError as error:
            raise InputError(f"{path} holds no weights: {error}", cause="safetensors", next="save it again") from error
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):
            found = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise UnsafeFileError(
            f"{path} holds more than weights, or is broken",
            cause="only numbers and their names are loaded: more would run code that the file holds",
            safe="nothing of it was run",
            next="save the weights alone: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')",
        ) from error
    if isinstance(found, dict):
        return found
    raise InputError(f"{path} holds a {type(found).__name__}", cause="weights by name are needed", next="save them")

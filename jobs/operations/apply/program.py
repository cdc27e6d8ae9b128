"""What `apply` calls on rows: a function or a model, loaded once per process and device, and what it gives back.

::

    rows (n, ...) --> function, module or exported program --> an array (n, ...)
                                                           --> a tuple of arrays: out0, out1, ...
                                                           --> a dict of arrays, by its names
"""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import SpecError
from .models import load_model, load_weights
from .outputs import check_rows_kept, name_outputs
from .user_code import Code
from .user_errors import user_code

__all__ = ["OpenProgram", "RowProgram", "open_program"]

_loading = threading.Lock()
_loaded: dict[tuple[object, ...], OpenProgram] = {}


@dataclass(frozen=True, slots=True)
class RowProgram:
    """What is called, small enough to travel with every task: models stay in their files.

    Parameters
    ----------
    title : str
        What the user calls it.
    digest : str
        SHA-256 of all of its files.
    code : Code or None
        A function, or a class to make one instance of.
    model, weights : (path, digest) or None
        The file of a model that is called in place of a function, or of the weights of a class.
    kwargs : str
        Keyword arguments of the function or the class, as JSON.
    array : {"numpy", "torch"} or None
        What it is given; None: tensors to models, NumPy arrays to functions.
    """

    title: str
    digest: str
    code: Code | None = None
    model: tuple[str, str] | None = None
    weights: tuple[str, str] | None = None
    kwargs: str = "{}"
    array: Literal["numpy", "torch"] | None = None


@dataclass(frozen=True, slots=True)
class OpenProgram:
    """A program that is loaded.

    Parameters
    ----------
    title : str
    call : callable
    takes_tensors : bool
    device : str
        Torch's name.
    n_rows : int or None
        The only number of rows that it takes.
    """

    title: str
    call: Any
    takes_tensors: bool
    device: str
    n_rows: int | None = None

    def run(self, rows: Any, *, where: str) -> dict[str, Any]:
        """Return what it gives for rows: NumPy arrays for a NumPy array, tensors for a tensor.

        Parameters
        ----------
        rows : ndarray or tensor
            Which it may write to.
        where : str
            Which rows they are, in messages.

        Raises
        ------
        UserCodeError
            If it raises, or returns anything but arrays of as many rows.
        """
        n_rows, wants_tensors = rows.shape[0], not isinstance(rows, np.ndarray)
        given = self._padded(rows) if self.takes_tensors else _as_numpy(rows)
        what = f"{self.title} failed on {where}"
        with user_code(what, safe="what the job has done is kept; the block is not tried again"), self._inference():
            outputs = name_outputs(self.call(given))
        cut = {name: value if self.n_rows is None else value[:n_rows] for name, value in outputs.items()}
        for name, value in cut.items():
            check_rows_kept(f"{self.title} on {where}", name, value, n_rows)
        convert = partial(_as_tensor, device=self.device) if wants_tensors else _as_numpy
        return {name: convert(value) for name, value in cut.items()}

    def _inference(self) -> Any:
        if not self.takes_tensors:
            return nullcontext()
        import torch

        return torch.inference_mode()

    def _padded(self, rows: Any) -> Any:
        """Return rows as a tensor; the last is repeated where a program takes another number of rows."""
        tensor = _as_tensor(rows, device=self.device)
        if self.n_rows is None or tensor.shape[0] == self.n_rows:
            return tensor
        import torch

        return torch.cat([tensor, tensor[-1:].expand(self.n_rows - tensor.shape[0], *tensor.shape[1:])])


def open_program(program: RowProgram, device: str) -> OpenProgram:
    """Return a program on a device; loaded once per process.

    Parameters
    ----------
    program : RowProgram
    device : str
        ``"cpu"`` or ``"cuda:0"``.

    Raises
    ------
    SpecError, InputError, UserCodeError
    """
    key = (program.digest, program.title, program.kwargs, program.array, device)
    with _loading:
        found = _loaded.get(key)
        if found is None:
            found = _loaded[key] = _load(program, device)
        for other in [other for other in _loaded if other != key and other[-1] == device]:
            # one model at a time: steps run one after another, and a device has no room for what is over
            del _loaded[other]
        return found


def _load(program: RowProgram, device: str) -> OpenProgram:
    if program.model is not None:
        model = load_model(*program.model, device)
        return OpenProgram(program.title, model.call, program.array != "numpy", device, model.n_rows)
    assert program.code is not None
    call, kwargs = program.code.load(), json.loads(program.kwargs)
    if isinstance(call, type):
        with user_code(f"{program.title} cannot be made"):
            call = call(**kwargs)
    elif program.weights is not None:
        raise SpecError(f"{program.title} is no class", cause="weights need a class", next="name the model's class")
    elif kwargs:
        call = partial(call, **kwargs)
    if not _is_module(call):
        if program.weights is not None or not callable(call):
            raise SpecError(
                f"{program.title} is no model", cause="it is no torch.nn.Module", next="name the class of the model"
            )
        return OpenProgram(program.title, call, program.array == "torch", device)
    if program.weights is not None:
        load_weights(call, *program.weights)
    return OpenProgram(program.title, call.eval().to(device), program.array != "numpy", device)


def _is_module(value: object) -> bool:
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _as_numpy(value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    plain = value.detach()
    if str(plain.dtype) == "torch.bfloat16":
        plain = plain.float()
    array: NDArray[Any] = plain.resolve_conj().resolve_neg().cpu().numpy()
    return array


def _as_tensor(value: Any, *, device: str) -> Any:
    import torch

    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value)).to(device)
    plain = value.detach().to(device)
    return plain.float() if plain.dtype == torch.bfloat16 else plain

"""Parameters of `apply`, and the digest of the code and the models that they name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from ...dtypes import is_supported
from ...errors import InputChangedError, SpecError
from ..operation import Params
from .models import file_digest
from .program import RowProgram
from .session_code import SESSION, name_callable, session_code
from .user_code import Code, absolute_code, code_digest, find_code

__all__ = ["ApplyParams", "row_program"]

_FILES = ("model", "weights")


class ApplyParams(Params):
    """Parameters of `apply`."""

    function: str | None = Field(
        None,
        description="what to call on rows: file.py:function, module:function, or a class, of which one is made; in "
        "Python also a function or a model itself",
    )
    model: str | None = Field(
        None, description="a model to call in place of a function: of torch.export (.pt2) or TorchScript (.pt, .ts)"
    )
    weights: str | None = Field(
        None, description="weights of the class that --function names: .safetensors, or a .pt file of weights alone"
    )
    kwargs: str | None = Field(
        None, description="keyword arguments of the function or the class, as JSON: '{\"hidden\": 64}'"
    )
    batch_size: int | None = Field(
        None, ge=1, description="rows per call; by default as many as fit in 16 MiB, at most 1024"
    )
    array: Literal["numpy", "torch"] | None = Field(
        None, description="what rows are given as; by default NumPy arrays to functions, tensors to models"
    )
    input_dtype: str | None = Field(None, description="dtype that rows are converted to first; by default their own")
    output_dtype: str | None = Field(
        None,
        description="dtype of the result. By default it is found, with its shape, by one call on a batch of zeros "
        "before the job starts; with --output-shape that call is left out",
    )
    output_shape: tuple[int, ...] | None = Field(None, description='shape of the result for one row; "" for a number')
    digest: str | None = Field(
        None,
        description="SHA-256 that the code and models must have; by default that of the job's beginning",
    )

    @field_validator("kwargs", mode="before")
    @classmethod
    def _read_kwargs(cls, value: Any) -> Any:
        if value is None:
            return None
        try:
            found = json.loads(value) if isinstance(value, str) else dict(value)
        except ValueError as error:
            raise ValueError(f"not JSON: {error}") from None
        if not isinstance(found, dict):
            raise ValueError("a JSON object is needed, names and values")
        return json.dumps(found, sort_keys=True)

    @field_validator("output_dtype", "input_dtype")
    @classmethod
    def _check_dtype(cls, value: str | None) -> str | None:
        try:
            known = value is None or is_supported(np.dtype(value))
        except TypeError:
            known = False
        if not known:
            raise ValueError("a dtype of NumPy is needed: float32, int64, bool ...")
        return value

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.function is None) == (self.model is None):
            raise ValueError("one of function and model is needed")
        if self.weights is not None and self.function is None:
            raise ValueError("weights need the class of the model: function=file.py:Class")
        if (self.output_dtype is None) != (self.output_shape is None):
            raise ValueError("output_dtype and output_shape go together")
        return self

    @model_validator(mode="before")
    @classmethod
    def _add_digest(cls, given: Any) -> Any:
        """Let the digest be one of the parameters: they are recorded, and a resumed job with others is refused."""
        if not isinstance(given, Mapping):
            return given
        if callable(given.get("function")):
            given = {**given, "function": name_callable(given["function"])}
        found, wanted = _digest(given), given.get("digest")
        if found is not None and wanted is not None and found != wanted:
            raise InputChangedError(
                "the code or the model is another than when the job began, or than was asked for",
                cause=f"{_called(given)}: its SHA-256 is {found}, not {wanted}",
                safe="what the job has done is kept",
                next="put the old file back, or start a new job with this one",
            )
        return {**given, "digest": found or wanted}

    @classmethod
    def absolute(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as a user gave them, with paths that mean the same in every folder, and the digest.

        So they are stored with a job, which other code is not for.
        """
        made = dict(given)
        if callable(made.get("function")):
            raise SpecError(
                "a function that is an object cannot be stored with a job",
                cause="the job is run by another process, and may be resumed on another day",
                next="put it into a file, and name it: function='file.py:function'; or call run()",
            )
        for name in _FILES:
            if isinstance(made.get(name), str):
                made[name] = str(Path(made[name]).absolute())
        if isinstance(made.get("function"), str):
            made["function"] = absolute_code(made["function"])
        found = _digest(made)
        return made if found is None else {"digest": found} | made


def _digest(given: Mapping[str, Any]) -> str | None:
    """Return the digest of all files that parameters name, or None where these are not what they should be."""
    function, files = given.get("function"), [given[name] for name in _FILES if given.get(name) is not None]
    if not all(isinstance(path, str) for path in (function or "", *files)) or not (function or files):
        return None
    digest = hashlib.sha256()
    if function:
        # the name of an object ends with its digest
        digest.update(function.encode() if function.startswith(SESSION) else code_digest(function))
    for path in files:
        digest.update(bytes.fromhex(file_digest(path)))
    return digest.hexdigest()


def _code(function: str) -> Code:
    return session_code(function) if function.startswith(SESSION) else find_code(function)


def _called(given: Mapping[str, Any]) -> str:
    return ", ".join(str(given[name]) for name in ("function", *_FILES) if given.get(name) is not None)


def row_program(params: ApplyParams) -> RowProgram:
    """Return what the parameters say is called. A function's file or module is run.

    Raises
    ------
    SpecError, InputError, UserCodeError
    """
    files = {name: None if (path := getattr(params, name)) is None else str(Path(path).absolute()) for name in _FILES}
    model, weights = ((path, file_digest(path)) if path is not None else None for path in files.values())
    return RowProgram(
        params.function or str(params.model),
        params.digest or "",
        None if params.function is None else _code(params.function),
        model,
        weights,
        params.kwargs or "{}",
        params.array,
    )

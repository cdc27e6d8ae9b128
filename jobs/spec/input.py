"""One input of a job: which file or files, which part of them, and what they do not say of themselves.

Paths are written as in a shell, with the name of an array inside of a file behind ``::``::

    x.npy    runs/*.npy    scans.h5::group/images    store.zarr::level0    archive.npz::weights    s3://bucket/x.npy
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, StrictInt, model_serializer, model_validator

from .section import Section, parse_path

__all__ = ["InputSpec"]

_INTEGER = r" *[-+]?[0-9]+ *"
_SELECTION = re.compile(rf"{_INTEGER}|({_INTEGER}| *)(:({_INTEGER}| *)){{1,2}}| *\.\.\. *")
_OF_RAW = ("shape", "offset", "order")
_OF_TEXT = ("delimiter", "header", "comments")


def _parse_paths(path: Any) -> Any:
    if not isinstance(path, list | tuple):
        return parse_path(path)
    if not path:
        raise ValueError("names no file: write at least one")
    return tuple(parse_path(item) for item in path)


def _parse_select(select: Any) -> Any:
    # no more than its form, which is known without the array
    if isinstance(select, str) and not all(map(_SELECTION.fullmatch, select.rstrip().removesuffix(",").split(","))):
        raise ValueError(f'{select!r} selects nothing: write slices as NumPy does, "0:1000, ::2", one per axis')
    return select


def _parse_dtype(dtype: Any) -> Any:
    if not isinstance(dtype, str):
        return dtype
    import numpy as np  # a job file without raw binary is checked without it

    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError) as error:
        raise ValueError(f"{dtype!r} is no dtype: write float32, <f4, >i2, ...") from error
    if found.kind not in "biufc" or found.itemsize > (16 if found.kind == "c" else 8):
        raise ValueError(f"{dtype!r} is not worked on: bool, int, uint, float16 to float64, complex64 or complex128")
    return dtype


def _parse_delimiter(delimiter: Any) -> Any:
    if isinstance(delimiter, str) and (len(delimiter) != 1 or delimiter in "\r\n\0"):
        raise ValueError(f'{delimiter!r} is not one character: write ",", ";", "|" or "\\t"')
    return delimiter


class InputSpec(Section):
    """One input array."""

    path: Annotated[str | tuple[str, ...], BeforeValidator(_parse_paths)]
    """The file, relative to the current directory; an array inside of it as file.h5::name; a pattern such as
    runs/*.npy, or a list of files, to be joined; or a URL."""
    select: Annotated[str | None, BeforeValidator(_parse_select)] = None
    """The part that is taken, in NumPy's slices: "0:1000, ::2"."""
    join: Literal["concatenate", "stack"] = "concatenate"
    """How several files become one array."""
    axis: StrictInt = 0
    """The axis along which they are joined, or which is new."""
    dtype: Annotated[str | None, BeforeValidator(_parse_dtype)] = None
    """Raw binary and text: the dtype of the elements, as "<f4" or "float32"."""
    shape: Annotated[tuple[Annotated[StrictInt, Field(ge=0)], ...], Field(max_length=64)] | None = None
    """Raw binary: the shape; left out, all elements that the file holds, along one axis."""
    offset: Annotated[StrictInt, Field(ge=0)] = 0
    """Raw binary: bytes before the first element."""
    order: Literal["C", "F"] = "C"
    """Raw binary: the memory order."""
    columns: Annotated[tuple[str | StrictInt, ...], Field(min_length=1)] | None = None
    """Tables: the columns that are taken, by name or by number from 0; by default all."""
    delimiter: Annotated[str | None, BeforeValidator(_parse_delimiter)] = None
    """Text: what stands between the values of a line; by default found out."""
    header: Literal["auto"] | Annotated[bool, Field(strict=True)] = "auto"
    """Text: whether the first line holds names; auto: if it holds anything that is no number."""
    comments: str | None = None
    """Text: what begins a comment, which ends with its line."""

    @model_validator(mode="after")
    def _check_agreement(self) -> InputSpec:
        raw = [name for name in _OF_RAW if getattr(self, name) != type(self).model_fields[name].default]
        text = [name for name in (*_OF_TEXT, "columns") if getattr(self, name) not in (None, "auto")]
        if raw and text:
            raise ValueError(f"{raw[0]} is said of raw binary and {text[0]} of tables: drop one of them")
        if raw and self.dtype is None:
            raise ValueError(f"{raw[0]} is said of raw binary, which has a dtype as well: add dtype: float32")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What a job's file and digest hold stays as it was before there were these fields.
        fields = type(self).model_fields
        return {
            name: value
            for name, value in serialize(self).items()
            if name == "path" or getattr(self, name) != fields[name].default
        }

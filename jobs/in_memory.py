"""Inputs that the Python API is given: which source each becomes, without a copy wherever memory can be looked at.

==========================================  ==================================================================
given                                       read
==========================================  ==================================================================
NumPy array or scalar                       in place
torch tensor on the CPU                     in place; bfloat16 as float32, which is a copy
array of another library (DLPack,           in place where it shares its memory, else from the copy that
``__array__``: pandas, xarray, jax ...)     its library makes
zarr array, h5py dataset                    by region, from its file: it is opened again
path, list of paths, dictionary             by region: what a job file says of an input
==========================================  ==================================================================

What lies on a GPU, or is worked out only when it is asked for (Dask), is refused: such a copy is the caller's to make.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import MemorySource, Source, open_input
from .errors import InputUnsupportedError
from .spec.document import Document
from .spec.job_spec import InputSpec
from .spec.load import check_document

__all__ = ["input_entry", "is_described", "open_given"]

_CPU = 1
"""kDLCPU of DLPack's device types."""


def is_described(item: Any) -> bool:
    """Return whether an input is said in words (a path, paths, a dictionary) and not given as an array."""
    if isinstance(item, list | tuple):
        return bool(item) and all(isinstance(part, str | os.PathLike) for part in item)
    # an h5py file is a mapping too
    return isinstance(item, str | os.PathLike | dict)


def input_entry(item: Any, name: str) -> InputSpec:
    """Return what is said of an input in words as a job file says it.

    Parameters
    ----------
    item : path, list of paths, or dictionary
    name : str
        What the input is called in messages.

    Raises
    ------
    SpecError
        If a dictionary has unknown fields, or fields that do not fit.

    Examples
    --------
    >>> input_entry({"path": "x.npy", "select": "::2"}, "x").select
    '::2'
    """
    tree = dict(item) if isinstance(item, dict) else {"path": item}
    if "path" in tree:
        tree["path"] = _texts(tree["path"])
    return check_document(Document(tree, f"input {name}"), InputSpec)


def _texts(item: Any) -> Any:
    return [_text(part) for part in item] if isinstance(item, list | tuple) else _text(item)


def _text(path: Any) -> Any:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def open_given(item: Any, name: str) -> Source:
    """Return an input of the Python API as a source.

    Parameters
    ----------
    item : array, path, list of paths or dictionary
    name : str
        What the input is called in messages.

    Raises
    ------
    InputUnsupportedError
        If it is no array of numbers in this process's memory, and none that can be read by region.
    SpecError, InputError
        As `open_input` does.

    Examples
    --------
    >>> open_given(np.arange(3), "x").header.shape
    (3,)
    """
    if is_described(item):
        return open_input(input_entry(item, name))
    if isinstance(item, np.ndarray):
        return MemorySource(name, item)
    if isinstance(item, np.generic):
        return MemorySource(name, np.asarray(item))
    libraries = {cls.__module__.partition(".")[0] for cls in type(item).__mro__}
    if "torch" in libraries and hasattr(item, "is_cuda"):
        return _open_tensor(item, name)
    if "zarr" in libraries:
        return _open_zarr(item, name)
    if "h5py" in libraries:
        return _open_dataset(item, name)
    if isinstance(item, list | tuple) and any(hasattr(part, "__array__") for part in item):
        raise _refused(item, name, "it holds arrays", "pass each of them as an input of its own")
    # xarray has the method, and None comes of it where nothing is put off
    if getattr(item, "__dask_graph__", lambda: None)() is not None:
        raise _refused(item, name, "its elements are not worked out yet", "save it with to_zarr, and name that")
    return MemorySource(name, _as_array(item, name))


def _as_array(item: Any, name: str) -> NDArray[Any]:
    """Return an array of another library, which has a way to hand it over."""
    if hasattr(item, "__dlpack__") and hasattr(item, "__dlpack_device__"):
        if item.__dlpack_device__()[0] != _CPU:
            raise _refused(item, name, "it lies on a device", "copy it to the host and pass that: numpy.asarray(x)")
        try:
            return np.from_dlpack(item)
        except (BufferError, RuntimeError, TypeError, ValueError):
            # of a dtype that DLPack or NumPy does not know: perhaps there is another way
            pass
    if hasattr(item, "__array__"):
        return np.asarray(item)
    # whoever passes axes or numbers of bins by position, as NumPy takes them, arrives here
    way_out = "pass numpy.asarray(x); parameters are given by their names, as axis=0"
    raise _refused(item, name, "inputs are arrays, or paths of files", way_out)


def _open_tensor(item: Any, name: str) -> Source:
    from .tensors import to_array  # torch is there: the tensor is its

    if item.device.type not in ("cpu", "meta"):
        raise _refused(
            item, name, f"it lies on {item.device}; jobs read from memory or files", "pass x.cpu(), which copies it"
        )
    return MemorySource(name, to_array(item))


def _open_zarr(item: Any, name: str) -> Source:
    root = getattr(getattr(item, "store", None), "root", None)
    if root is None or not hasattr(item, "shape"):
        raise _refused(item, name, "it is no array in a folder that can be opened again", "pass x[:], which reads it")
    return open_input(InputSpec(path=f"{root}::{item.path}" if item.path else str(root)))


def _open_dataset(item: Any, name: str) -> Source:
    if not hasattr(item, "shape"):
        raise _refused(item, name, "it is no dataset", "pass one of its datasets")
    file = item.file
    if file.driver == "core" or file.mode != "r":
        raise _refused(
            item, name, "its file is open for writing, or in memory", "open the file for reading, or pass x[...]"
        )
    return open_input(InputSpec(path=f"{Path(file.filename).absolute()}::{item.name}"))


def _refused(item: Any, name: str, cause: str, way_out: str) -> InputUnsupportedError:
    what = f"{name} is a {type(item).__name__}, which is not worked on"
    return InputUnsupportedError(what, cause=cause, next=way_out)

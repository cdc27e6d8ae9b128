"""The files that hold the elements of an HDF5 dataset, followed through links and virtual datasets to the last.

HDF5 takes the fill value, in silence, for a file or a dataset that a virtual one names and that is not there. And it
reads any file of this machine, HDF5 or not, that a dataset names as its external storage. Both are looked for here.

References
----------
The HDF Group, "Introduction to the Virtual Dataset - VDS", RFC (2014), section 4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError, InputUnsupportedError
from .source import open_hdf5_file

__all__ = ["holders_of"]


def holders_of(name: str, dataset: Any) -> tuple[str, ...]:
    """Return the absolute paths of all files that a dataset is read from, the one that holds it last.

    Parameters
    ----------
    name : str
        How the dataset is called in messages.
    dataset : h5py.Dataset

    Raises
    ------
    InputError
        If a file or a dataset is not there that a virtual one names.
    InputUnsupportedError
        If elements are in files of another format, or files are named by a pattern.
    """
    found: dict[tuple[str, str], None] = {}
    _follow(name, dataset, found)
    holder, *others = dict.fromkeys(path for path, _ in found)
    return (*others, holder)


def _follow(name: str, dataset: Any, found: dict[tuple[str, str], None]) -> None:
    """Enter where a dataset is, and where those are that it is made of."""
    holder = Path(dataset.file.filename).absolute()
    if (str(holder), dataset.name) in found:
        return
    found[str(holder), dataset.name] = None
    if dataset.external:
        raise InputUnsupportedError(
            f"{name}: its elements are in an external file", cause=str(dataset.external[0][0]), next="read that as raw"
        )
    wanted: dict[str, dict[str, None]] = {}
    for source in dataset.virtual_sources() if dataset.is_virtual else ():
        if "%" in source.file_name or "%" in source.dset_name:
            raise InputUnsupportedError(
                f"{name}: is a virtual dataset of files that a pattern names",
                cause=f"{source.file_name}::{source.dset_name}",
                next="name the files themselves, to be joined",
            )
        wanted.setdefault(source.file_name, {})[source.dset_name] = None
    for file_name, members in wanted.items():
        path = str(holder if file_name == "." else holder.parent / file_name)
        with open_hdf5_file(f"{name} ({path})", path) as file:
            for member in members:
                _follow(name, _member(name, file, member, path), found)


def _member(name: str, file: Any, member: str, path: str) -> Any:
    import h5py

    at = file.get(member)
    if isinstance(at, h5py.Dataset):
        return at
    raise InputError(
        f"{name}: a part of the virtual dataset is not there",
        cause=f"{path} holds no dataset {member!r}",
        next="copy or write that file again",
    )

"""Datasets of HDF5 files: those that lie in one run are read as ``.npy`` files are, the others by h5py.

::

    x.h5     | superblock | ... | data of a contiguous dataset ........ | chunk | chunk | ...
                                  ^ data_offset, read and mapped          unpacked by HDF5

References
----------
The HDF Group, "HDF5 File Format Specification", version 3.0, IV.A.2.i "The Data Layout Message".
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputUnsupportedError, JobError
from ...headers import ArrayHeader
from ..chunked import kept_bytes
from ..locations import Location
from ..named_arrays import choose_array
from ..npy.header import check_dtype, check_shape
from ..npy.source import NpySource
from ..source import Source
from .chunk_sizes import check_chunk_sizes
from .holders import holders_of
from .source import BROKEN_HDF5, Hdf5Source, broken_hdf5, open_hdf5_file, stamp_of

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["check_filters", "dataset_dtype", "open_hdf5"]

MOST_LISTED = 1000
"""Datasets that are looked for in a file of which none is named."""


def open_hdf5(location: Location, entry: InputSpec) -> Source:
    """Return a dataset of an HDF5 file as a source; only its description is read.

    Parameters
    ----------
    location : Location
        Whose member is the dataset; it may be left out where there is one alone.
    entry : InputSpec

    Returns
    -------
    NpySource
        Of a contiguous dataset of numbers as NumPy has them.
    Hdf5Source
        Of another one.

    Raises
    ------
    InputError
        If the file is broken, holds no such dataset, or several and none is named.
    InputUnsupportedError
        If its elements are no numbers, or a filter is not installed.
    """
    name = location.name
    with open_hdf5_file(name, location.path) as file:
        try:
            dataset = _choose(location, file)
            header = ArrayHeader(name, dataset.shape or (), dataset_dtype(name, dataset))
            check_shape(name, header.shape, header.dtype, source="description of the dataset")
            check_filters(name, dataset)
            *others, holder = holders_of(name, dataset)
            if dataset.chunks:
                check_chunk_sizes(name, dataset, Path(holder).stat().st_size)
            # where a link leads may change, as well as what it leads to
            paths = (*{path: None for path in (location.path, *others) if path != holder}, holder)
            offset = _offset_of(dataset, header)
        except JobError:
            raise
        except BROKEN_HDF5 as error:
            raise broken_hdf5(name, error) from error
        if offset is not None:
            return NpySource(paths[-1], header, offset, stamp_of(name, paths[-1]))
        stamps = tuple((path, stamp_of(name, path)) for path in paths)
        # what is not in chunks is read as it is asked for
        chunks = dataset.chunks or (1,) * header.ndim
        n_bytes = kept_bytes(header.shape, header.dtype.itemsize, chunks)
        header = replace(header, reader_bytes=n_bytes, chunks=dataset.chunks or ())
        return Hdf5Source(paths[-1], dataset.name, header, chunks, stamps)


def _choose(location: Location, file: Any) -> Any:
    import h5py

    at = file
    if location.member is not None and location.member.strip("/") and location.member in file:
        at = file[location.member]
    if isinstance(at, h5py.Dataset):
        return at
    names: list[str] = []
    others: list[str] = []

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset):
            (names if _holds_numbers(item) else others).append(item.name.lstrip("/"))
        return True if len(names) > MOST_LISTED else None

    at.visititems(visit)
    if not names and len(others) == 1:
        # which is refused for what it is
        names = others
    here = Location(location.name, location.path, None if at is not file else location.member)
    return file[choose_array(here, names, kind="an HDF5 file" if at is file else "a group")]


def _holds_numbers(dataset: Any) -> bool:
    try:
        return dataset.shape is not None and dataset.dtype.kind in "biufc"
    except TypeError:
        return False


def dataset_dtype(name: str, dataset: Any) -> np.dtype[Any]:
    """Return the dtype of a dataset of numbers.

    Raises
    ------
    InputUnsupportedError
        If its elements are no numbers as NumPy has them.
    """
    import h5py

    if dataset.shape is None:
        raise InputUnsupportedError(f"{name}: is an empty dataset", cause="it has no shape", next="name another one")
    try:
        dtype: np.dtype[Any] = dataset.dtype
    except TypeError as error:
        raise InputUnsupportedError(
            f"{name}: has elements that NumPy does not know", cause=str(error), next="write it again as numbers"
        ) from error
    kinds = {
        "a compound type": dtype.names is not None,
        "text": h5py.check_string_dtype(dtype) is not None,
        "arrays of any length (vlen)": h5py.check_vlen_dtype(dtype) is not None and dtype.kind == "O",
        "references": h5py.check_ref_dtype(dtype) is not None,
    }
    for kind, is_it in kinds.items():
        if is_it:
            field = f"write one field by itself: x[{dtype.names[0]!r}]" if dtype.names else "write it again as numbers"
            raise InputUnsupportedError(
                f"{name}: its elements are {kind}, which is not worked on", cause=f"dtype {dtype}", next=field
            )
    check_dtype(name, dtype)
    # without what h5py notes beside it: the names of an enumeration
    plain: np.dtype[Any] = np.dtype(dtype.str)
    return plain


def check_filters(name: str, dataset: Any) -> None:
    """Check that all filters are installed that a dataset went through.

    Raises
    ------
    InputUnsupportedError
    """
    import h5py

    properties = dataset.id.get_create_plist()
    for place in range(properties.get_nfilters()):
        code, _, _, text = properties.get_filter(place)
        if not h5py.h5z.filter_avail(code):
            raise InputUnsupportedError(
                f"{name}: is compressed with a filter that is not installed",
                cause=f"filter {code} ({text.decode(errors='replace')})",
                next="install it (pip install hdf5plugin) and set HDF5_PLUGIN_PATH to its plugins",
            )


def _offset_of(dataset: Any, header: ArrayHeader) -> int | None:
    """Return where the elements begin in the file, if they lie there in one run and as NumPy would write them."""
    import h5py

    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5py.h5d.CONTIGUOUS or header.size == 0:
        return None
    if not h5py.h5t.py_create(header.dtype).equal(dataset.id.get_type()):
        return None
    offset: int | None = dataset.id.get_offset()
    is_here = Path(dataset.file.filename).stat().st_size >= (offset or 0) + header.nbytes
    return offset if is_here and dataset.id.get_storage_size() == header.nbytes else None

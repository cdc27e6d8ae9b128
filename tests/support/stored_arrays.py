"""Arrays in every format that is read by region; a module of its own, which spawned processes can import."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arraymill.jobs.arrays import Source, open_input
from arraymill.jobs.blocks import Region, region_shape
from arraymill.jobs.spec.input import InputSpec


def _npy(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    np.save(path, array)
    return {"path": f"{path}.npy"}


def _npz(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    np.savez(path, first=np.arange(3), x=array, last=np.arange(3))
    return {"path": f"{path}.npz::x"}


def _deflated(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    np.savez_compressed(path, array)
    return {"path": f"{path}.npz"}


def _raw(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    order = "F" if array.flags.f_contiguous else "C"
    path.write_bytes(b"seven b" + array.tobytes(order))
    return {"path": str(path), "offset": 7, "dtype": array.dtype.str, "shape": array.shape, "order": order}


def _hdf5(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "w") as file:
        file["group/x"], file["other"] = array, np.arange(3)
    return {"path": f"{path}::group/x"}


def _hdf5_chunked(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    import h5py

    options = {"chunks": _chunks(array), "compression": "gzip"} if array.size and array.ndim else {}
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("x", data=array, **options)
    return {"path": str(path)}


def _zarr(path: Path, array: NDArray[Any], **options: Any) -> dict[str, Any]:
    import zarr

    node = zarr.create_array(path, shape=array.shape, dtype=array.dtype, chunks=_chunks(array), **options)
    _fill(node, array)
    return {"path": str(path)}


def _fill(node: Any, array: NDArray[Any]) -> None:
    with warnings.catch_warnings():
        # zarr compares each chunk with its fill value; NumPy 2.5 warns of signalling NaNs in that
        warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
        node[...] = array


def _zarr_2(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    return _zarr(path, array, zarr_format=2, order="F" if array.flags.f_contiguous else "C")


def _zarr_shards(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    return _zarr(path, array, shards=tuple(3 * n for n in _chunks(array))) if array.ndim else _zarr(path, array)


def _zarr_group(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    import zarr

    zarr.open_group(path, mode="w").create_array("other", shape=(2,), dtype="i4")
    _zarr(path / "inner" / "x", array)
    return {"path": f"{path}::inner/x"}


def _zarr_zip(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    import zarr

    with zarr.storage.ZipStore(path, mode="w") as store:
        node = zarr.create_array(store, shape=array.shape, dtype=array.dtype, chunks=_chunks(array))
        _fill(node, array)
    return {"path": str(path)}


def _chunks(array: NDArray[Any]) -> tuple[int, ...]:
    return tuple(n // 4 if n > 12 else min(max(n, 1), 3) for n in array.shape)


FORMATS: dict[str, Callable[[Path, NDArray[Any]], dict[str, Any]]] = {
    ".npy": _npy,
    "stored .npz": _npz,
    "raw": _raw,
    "HDF5": _hdf5,
    "chunked HDF5": _hdf5_chunked,
    "Zarr 2": _zarr_2,
    "Zarr 3": _zarr,
    "sharded Zarr": _zarr_shards,
    "Zarr group": _zarr_group,
    "zipped Zarr": _zarr_zip,
    "compressed .npz": _deflated,
}
"""Each writes an array beside a path and returns what a job would say of it."""

STREAMED = ("compressed .npz",)


def store(kind: str, path: Path, array: NDArray[Any]) -> InputSpec:
    """Write an array in one of `FORMATS` and return what a job says of it."""
    return InputSpec(**FORMATS[kind](path, array))


def stored(kind: str, path: Path, array: NDArray[Any]) -> Source:
    """Write an array in one of `FORMATS` and return it as a source."""
    return open_input(store(kind, path, array))


def read(source: Source, region: Region) -> NDArray[Any]:
    """Return a region of a source that came from another process."""
    source = pickle.loads(pickle.dumps(source))
    out = np.empty(region_shape(region), source.header.dtype)
    with source.open() as reader:
        reader.read(region, out)
    return out

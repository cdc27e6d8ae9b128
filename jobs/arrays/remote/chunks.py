"""Zarr stores and HDF5 files behind URLs, whose chunks the zarr library and h5py fetch through fsspec.

Of a Zarr store a change of its description is seen during a job, not one of a single chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from numpy.typing import NDArray

from ...blocks import Region, Shape, as_slices
from ...errors import InputError, InputFailedError
from ...headers import ArrayHeader
from ..chunked import ChunkedReader
from ..hdf5.source import BROKEN_HDF5
from ..zarr.source import BROKEN_ZARR
from .errors import failed_error, public_name, remote_errors
from .file import RemoteStamp, open_file

__all__ = ["RemoteChunkSource", "broken_store", "hdf5_file", "zarr_node"]

BLOCK_BYTES, N_BLOCKS = 1 << 20, 64
"""What is fetched at once of an HDF5 file, and how much of that is kept for one reader."""


@dataclass(frozen=True, slots=True)
class RemoteChunkSource:
    """An array of chunks behind a URL.

    Parameters
    ----------
    kind : {"zarr", "hdf5"}
    url : str
        Of the store or file.
    member : str
        Path of the array in it.
    header : ArrayHeader
    chunks : tuple of int
        What is unpacked at once, in the stored order of the axes.
    stamp_url : str
        Of the file whose stamp is looked at.
    stamp : RemoteStamp
    is_reversed : bool
        The header's axes are those that are stored, reversed.
    """

    kind: Literal["zarr", "hdf5"]
    url: str = field(repr=False)
    member: str
    header: ArrayHeader
    chunks: Shape
    stamp_url: str = field(repr=False)
    stamp: RemoteStamp
    is_reversed: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """None: no file of this machine is read."""
        return ()

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """Where it is, and what the server says of it."""
        return ((self.header.name, str(self.stamp)),)

    @property
    def data_offset(self) -> int:
        """Return 0: elements have no place in a file that is known."""
        return 0

    @property
    def T(self) -> RemoteChunkSource:  # noqa: N802 - NumPy's name
        """The same array with the axes reversed."""
        if self.header.ndim < 2:
            return self
        return replace(self, header=self.header.T, is_reversed=not self.is_reversed)

    @contextmanager
    def open(self) -> Iterator[ChunkedReader]:
        """Open the array and check, then and on leaving, that it is still the one that was planned with.

        Raises
        ------
        InputChangedError
            If it was changed.
        InputError
            If it cannot be read any more.
        """
        file = open_file(self.stamp_url, self.header.name)
        file.check(self.stamp)
        with ExitStack() as stack:
            load = self._open_zarr() if self.kind == "zarr" else self._open_hdf5(stack)
            yield ChunkedReader(self.header, self.chunks, load, is_reversed=self.is_reversed)
        file.check(self.stamp)

    def _open_zarr(self) -> Callable[[Region, NDArray[Any]], None]:
        name = self.header.name
        array = zarr_node(self.url, name, self.member)

        def load(region: Region, out: NDArray[Any]) -> None:
            from zarr.core.buffer.cpu import NDBuffer

            try:
                array.get_basic_selection(as_slices(region), out=NDBuffer.from_numpy_array(out))
            except remote_errors() as error:
                raise failed_error(name, error) from error
            except BROKEN_ZARR as error:
                raise broken_store(name, "zarr", error) from error

        return load

    def _open_hdf5(self, stack: ExitStack) -> Callable[[Region, NDArray[Any]], None]:
        name = self.header.name
        dataset = stack.enter_context(hdf5_file(self.url, name))[self.member]

        def load(region: Region, out: NDArray[Any]) -> None:
            try:
                if region:
                    dataset.read_direct(out, as_slices(region))
                else:
                    out[...] = dataset[()]
            except BROKEN_HDF5 as error:
                # HDF5 does not say whether the network failed or the file is broken
                raise InputFailedError(
                    f"{name}: cannot be read", cause=f"HDF5 says: {error}", next="check the network and the file"
                ) from error

        return load


def zarr_node(url: str, name: str, member: str) -> Any:
    """Return an array or a group of a Zarr store behind a URL.

    Raises
    ------
    InputError
    """
    import zarr

    try:
        store = zarr.storage.FsspecStore.from_url(url, read_only=True)
        return zarr.open(store, mode="r", path=member)
    except FileNotFoundError as error:
        raise InputError(
            f"{name}: there is no such array", cause=f"no description of one at {public_name(url)}/{member}",
            next="check the URL, and the name behind ::",
        ) from error  # fmt: skip
    except remote_errors() as error:
        raise failed_error(name, error) from error
    except BROKEN_ZARR as error:
        raise broken_store(name, "zarr", error) from error


@contextmanager
def hdf5_file(url: str, name: str) -> Iterator[Any]:
    """Open an HDF5 file behind a URL.

    Raises
    ------
    InputError
    """
    import h5py

    remote = open_file(url, name)
    try:
        options = {"maxblocks": N_BLOCKS}
        stream = remote.system.open(remote.path, block_size=BLOCK_BYTES, cache_type="blockcache", cache_options=options)
        file = h5py.File(stream, "r")
    except remote_errors() as error:
        raise failed_error(name, error) from error
    except BROKEN_HDF5 as error:
        raise broken_store(name, "HDF5", error) from error
    with stream, file:
        yield file


def broken_store(name: str, library: str, error: Exception) -> InputError:
    """Return the error for what a library does not read."""
    said = str(error) or type(error).__name__
    return InputError(f"{name}: cannot be read", cause=f"{library} says: {said}", next="check the URL and the file")

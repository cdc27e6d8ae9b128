"""How long it takes to pack a finished array into another format: one process does it, when the last block is done.

The rates are nominal, of one core of 2020 and after: what libraries and compressors need, which is more than disks do.
Numbers that repeat compress faster, those that do not slower.
"""

from __future__ import annotations

from ..headers import ArrayHeader

__all__ = ["packing_s"]

_BYTES_PER_S = {".npz": 5e8, ".h5": 5e8, ".hdf5": 5e8, ".zarr": 5e8, ".parquet": 4e8}
_COMPRESSED_PER_S = {"gzip": 3e7, "zstd": 3e8, "snappy": 4e8}
_NUMBERS_PER_S = 1.5e6
"""Of text: each is written in the fewest digits that read back as the same bits."""
_ZARR_THREADS = 2


def packing_s(header: ArrayHeader, suffix: str, compression: str | None = None) -> float:
    """Return the predicted seconds of packing an array; 0 where there is nothing to pack.

    Parameters
    ----------
    header : ArrayHeader
    suffix : str
        Of the file: ".csv".
    compression : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> header = ArrayHeader("y", (1_000_000, 15), np.dtype("f8"))
    >>> [packing_s(header, *kind) for kind in ((".npy",), (".csv",), (".h5",), (".zarr", "gzip"))]
    [0.0, 10.0, 0.24, 2.0]
    """
    suffix = suffix.lower()
    if suffix in (".csv", ".tsv"):
        return header.size / _NUMBERS_PER_S
    if suffix not in _BYTES_PER_S:
        return 0.0
    rate = _COMPRESSED_PER_S.get(compression or "none", _BYTES_PER_S[suffix])
    return header.nbytes / (rate * (_ZARR_THREADS if suffix == ".zarr" and compression == "gzip" else 1))

"""The formats that finished arrays are packed into, by what the names of their files end in."""

from __future__ import annotations

from ..csv.packer import CSV
from ..hdf5.packer import HDF5
from ..npz.packer import NPZ
from ..parquet.packer import PARQUET
from ..zarr.packer import ZARR

__all__ = ["PACKERS"]

PACKERS = {suffix: packer for packer in (NPZ, ZARR, HDF5, CSV, PARQUET) for suffix in packer.suffixes}

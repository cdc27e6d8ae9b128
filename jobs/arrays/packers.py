"""The formats that finished arrays are packed into, by what the names of their files end in."""

from __future__ import annotations

from .csv_packer import CSV
from .hdf5_packer import HDF5
from .npz_packer import NPZ
from .parquet_packer import PARQUET
from .zarr_packer import ZARR

__all__ = ["PACKERS"]

PACKERS = {suffix: packer for packer in (NPZ, ZARR, HDF5, CSV, PARQUET) for suffix in packer.suffixes}

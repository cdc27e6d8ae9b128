"""Zarr stores, of version 2 and 3: read by chunk, and packed from finished arrays."""

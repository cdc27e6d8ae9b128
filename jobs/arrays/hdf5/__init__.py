"""Datasets of HDF5 files: read where they lie or through h5py, and packed from finished arrays."""

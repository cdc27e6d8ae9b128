"""Benchmarks of arraymill against NumPy, torch, dask.array and hand-written Dask tasks: ``python -m benchmarks``."""

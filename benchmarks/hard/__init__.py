"""Hard inputs: what arraymill, NumPy and dask.array make of them, against the truth and against what is promised."""

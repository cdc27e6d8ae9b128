"""The operations, one file per family. Importing them needs NumPy and pydantic, never torch or dask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from .operation import Operation, Params

__all__ = ["OPERATIONS", "Operation", "Params"]

_FAMILIES = {
    "matmul": "matmul",
    "map": "map",
    **{"convert": "convert", "rechunk": "rechunk", "transpose": "transpose", "reshape": "reshape"},
    **{"concatenate": "joins", "stack": "joins"},
    "apply": "apply",
    "cdist": "cdist",
    "knn": "knn",
    **dict.fromkeys(("fft", "ifft", "rfft", "irfft"), "fourier"),
    "diff": "differences",
    **dict.fromkeys(("zeros", "ones", "full"), "creation"),
    **{"arange": "arange", "rand": "random", "randn": "random"},
    **{"gram": "gram", "cov": "covariance", "corrcoef": "covariance"},
    **{"sum": "sums", "mean": "sums", "prod": "prod", "var": "moments", "std": "moments", "norm": "norm"},
    **{"min": "extrema", "max": "extrema", "ptp": "extrema", "argmin": "arg_extrema", "argmax": "arg_extrema"},
    **{"tensordot": "tensordot", "einsum": "einsum"},
    **{"qr": "qr", "svd": "svd", "pca": "pca", "lstsq": "lstsq", "standardize": "standardize"},
    **dict.fromkeys(("percentile", "quantile", "median", "nanpercentile", "nanquantile", "nanmedian"), "quantiles"),
    "histogram": "histogram",
    "bincount": "bincount",
    "topk": "topk",
    **{"any": "logic", "all": "logic", "count_nonzero": "logic"},
    **{"nansum": "sums", "nanmean": "sums", "nanprod": "prod", "nanvar": "moments", "nanstd": "moments"},
    **{"nanmin": "extrema", "nanmax": "extrema", "nanargmin": "arg_extrema", "nanargmax": "arg_extrema"},
}
"""Where each operation is, under its name in capitals; in the order in which they are listed."""


class _Operations(Mapping[str, Operation]):
    """The operations by name. A family is imported with the first of it: a small job is shorter than all imports."""

    def __getitem__(self, name: str) -> Operation:
        operation: Operation = getattr(import_module(f".{_FAMILIES[name]}", __name__), name.upper())
        return operation

    def __contains__(self, name: object) -> bool:
        return name in _FAMILIES

    def __iter__(self) -> Iterator[str]:
        return iter(_FAMILIES)

    def __len__(self) -> int:
        return len(_FAMILIES)


OPERATIONS: Mapping[str, Operation] = _Operations()
"""Every operation by its name."""

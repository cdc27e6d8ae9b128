"""The operations, one file per family. Importing them needs NumPy and pydantic, never torch or dask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from .operation import Operation, Params

__all__ = ["GROUPS", "OPERATIONS", "Operation", "Params"]

_GROUPS: Mapping[str, Mapping[str, str]] = {
    "Element by element": {
        **{"map": "map", "apply": "apply", "standardize": "standardize"},
    },
    "Products and distances": {
        **{"matmul": "matmul", "tensordot": "tensordot", "einsum": "einsum", "gram": "gram"},
        **{"cov": "covariance", "corrcoef": "covariance", "cdist": "cdist", "knn": "knn"},
    },
    "Factorizations": {
        **{"qr": "qr", "svd": "svd", "pca": "pca", "lstsq": "lstsq"},
    },
    "Reductions": {
        **{"sum": "sums", "mean": "sums", "prod": "prod", "var": "moments", "std": "moments", "norm": "norm"},
        **{"min": "extrema", "max": "extrema", "ptp": "extrema", "argmin": "arg_extrema", "argmax": "arg_extrema"},
        **{"any": "logic", "all": "logic", "count_nonzero": "logic"},
    },
    "Reductions that leave NaN out": {
        **{"nansum": "sums", "nanmean": "sums", "nanprod": "prod", "nanvar": "moments", "nanstd": "moments"},
        **{"nanmin": "extrema", "nanmax": "extrema", "nanargmin": "arg_extrema", "nanargmax": "arg_extrema"},
        **dict.fromkeys(("nanpercentile", "nanquantile", "nanmedian"), "quantiles"),
    },
    "Counts and order": {
        **{"histogram": "histogram", "bincount": "bincount", "topk": "topk"},
        **dict.fromkeys(("percentile", "quantile", "median"), "quantiles"),
    },
    "Along an axis": {
        **{"cumsum": "cumulative", "cumprod": "cumulative", "diff": "differences"},
        **dict.fromkeys(("fft", "ifft", "rfft", "irfft"), "fourier"),
    },
    "Other shapes and files": {
        **{"convert": "convert", "rechunk": "rechunk", "transpose": "transpose", "reshape": "reshape"},
        **{"concatenate": "joins", "stack": "joins"},
    },
    "New arrays": {
        **dict.fromkeys(("zeros", "ones", "full"), "creation"),
        **{"arange": "arange", "rand": "random", "randn": "random"},
    },
}
"""The module of each operation, where it stands under its name in capitals; by headings, as they are listed."""

GROUPS: Mapping[str, tuple[str, ...]] = {heading: tuple(group) for heading, group in _GROUPS.items()}
"""The names of the operations under the headings of their list."""

_MODULES = {name: module for group in _GROUPS.values() for name, module in group.items()}


class _Operations(Mapping[str, Operation]):
    """The operations by name. A family is imported with the first of it: a small job is shorter than all imports."""

    def __getitem__(self, name: str) -> Operation:
        operation: Operation = getattr(import_module(f".{_MODULES[name]}", __name__), name.upper())
        return operation

    def __contains__(self, name: object) -> bool:
        return name in _MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


OPERATIONS: Mapping[str, Operation] = _Operations()
"""Every operation by its name."""

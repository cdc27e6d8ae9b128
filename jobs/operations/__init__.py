"""The operations, one file per family. Importing them needs NumPy and pydantic, never torch or dask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from .operation import Operation, Params

__all__ = ["GROUPS", "OPERATIONS", "Operation", "Params"]

_GROUPS: Mapping[str, Mapping[str, str]] = {
    "Element by element": {
        **{"map": "elementwise.map", "apply": "apply.apply", "standardize": "elementwise.standardize"},
    },
    "Products and distances": {
        **{"matmul": "products.matmul", "tensordot": "products.tensordot", "einsum": "products.einsum"},
        **{"gram": "products.gram", "cov": "products.covariance", "corrcoef": "products.covariance"},
        **{"cdist": "distances.cdist", "knn": "distances.knn"},
    },
    "Factorizations": {
        **{"qr": "factorizations.qr", "svd": "factorizations.svd"},
        **{"pca": "factorizations.pca", "lstsq": "factorizations.lstsq"},
    },
    "Reductions": {
        **dict.fromkeys(("sum", "mean"), "reductions.sums"),
        **{"prod": "reductions.prod"},
        **dict.fromkeys(("var", "std"), "reductions.moments"),
        **{"norm": "reductions.norm"},
        **dict.fromkeys(("min", "max", "ptp"), "reductions.extrema"),
        **dict.fromkeys(("argmin", "argmax"), "reductions.arg_extrema"),
        **dict.fromkeys(("any", "all", "count_nonzero"), "reductions.logic"),
    },
    "Reductions that leave NaN out": {
        **dict.fromkeys(("nansum", "nanmean"), "reductions.sums"),
        **{"nanprod": "reductions.prod"},
        **dict.fromkeys(("nanvar", "nanstd"), "reductions.moments"),
        **dict.fromkeys(("nanmin", "nanmax"), "reductions.extrema"),
        **dict.fromkeys(("nanargmin", "nanargmax"), "reductions.arg_extrema"),
        **dict.fromkeys(("nanpercentile", "nanquantile", "nanmedian"), "counting.quantiles"),
    },
    "Counts and order": {
        **{"histogram": "counting.histogram", "bincount": "counting.bincount", "topk": "counting.topk"},
        **dict.fromkeys(("percentile", "quantile", "median"), "counting.quantiles"),
    },
    "Along an axis": {
        **dict.fromkeys(("cumsum", "cumprod"), "running.cumulative"),
        **{"diff": "running.differences"},
        **dict.fromkeys(("fft", "ifft", "rfft", "irfft"), "running.fourier"),
    },
    "Other shapes and files": {
        **{"convert": "layouts.convert", "rechunk": "layouts.rechunk"},
        **{"transpose": "layouts.transpose", "reshape": "layouts.reshape"},
        **dict.fromkeys(("concatenate", "stack"), "layouts.joins"),
    },
    "New arrays": {
        **dict.fromkeys(("zeros", "ones", "full"), "creation.constants"),
        **{"arange": "creation.arange"},
        **dict.fromkeys(("rand", "randn"), "creation.random"),
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

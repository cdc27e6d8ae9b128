"""The operations, one file per family. Importing them needs NumPy and pydantic, never torch or dask."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .arg_extrema import ARGMAX, ARGMIN, NANARGMAX, NANARGMIN
from .covariance import CORRCOEF, COV
from .extrema import MAX, MIN, NANMAX, NANMIN, PTP
from .gram import GRAM
from .logic import ALL, ANY, COUNT_NONZERO
from .map import MAP
from .matmul import MATMUL
from .moments import NANSTD, NANVAR, STD, VAR
from .norm import NORM
from .operation import Operation, Params
from .prod import NANPROD, PROD
from .sums import MEAN, NANMEAN, NANSUM, SUM

__all__ = ["OPERATIONS", "Operation", "Params"]

_ALL = (
    *(MATMUL, MAP),
    *(GRAM, COV, CORRCOEF),
    *(SUM, MEAN, PROD, VAR, STD, NORM),
    *(MIN, MAX, PTP, ARGMIN, ARGMAX),
    *(ANY, ALL, COUNT_NONZERO),
    *(NANSUM, NANMEAN, NANPROD, NANVAR, NANSTD),
    *(NANMIN, NANMAX, NANARGMIN, NANARGMAX),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _ALL})
"""Every operation by its name."""

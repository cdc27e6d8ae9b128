"""How products are multiplied on a GPU, which a job's precision and its dtypes decide.

=======  ==============================================  ==========  ================
mode     operands as they are multiplied                 added in    asked for by
=======  ==============================================  ==========  ================
ieee     the stage's dtype                               the same    standard
tf32     float32, rounded to 10 bits by tensor cores     float32     fast
3xtf32   float32 as the sum of two TF32 numbers          float32     fast-fp32
bf16     float32, rounded to bfloat16                    float32     fast-bf16
fp16     float16, as stored                              float32     float16 inputs
fp64acc  float32 (float16), cast on the device           float64     strict
=======  ==============================================  ==========  ================

The CPU multiplies in the stage's dtype whatever the mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

from ..limits import DeviceKind, Precision

__all__ = ["SLABS", "ProductMode", "product_mode"]

ProductMode: TypeAlias = Literal["ieee", "tf32", "fp16", "bf16", "3xtf32", "fp64acc"]

_SINGLE: Mapping[Precision, ProductMode] = MappingProxyType(
    {"strict": "fp64acc", "standard": "ieee", "fast": "tf32", "fast-fp32": "3xtf32", "fast-bf16": "bf16"}
)
SLABS: Mapping[ProductMode, int] = MappingProxyType(
    {"ieee": 2048, "fp64acc": 2048, "3xtf32": 2048, "tf32": 4096, "fp16": 8192, "bf16": 8192}
)
"""How much of k one product on a GPU takes: the faster the arithmetic, the longer, so that adding to C costs little."""


def product_mode(result: np.dtype[Any], precision: Precision, device: DeviceKind) -> ProductMode:
    """Return how products whose result is of a dtype are multiplied.

    >>> product_mode(np.dtype("f4"), "fast", "cuda"), product_mode(np.dtype("f4"), "fast", "cpu")
    ('tf32', 'ieee')
    >>> product_mode(np.dtype("f2"), "standard", "cuda"), product_mode(np.dtype("f8"), "fast", "cuda")
    ('fp16', 'ieee')
    """
    if result.kind != "f" or result.itemsize > 4:
        return "ieee"
    if precision == "strict":
        return "fp64acc"
    if device == "cpu":
        return "ieee"
    return _SINGLE[precision] if result.itemsize == 4 else "fp16"

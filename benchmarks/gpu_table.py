"""The cases of the GPU table, the important ones first: a node may give minutes only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .cases import PRODUCT_TOLERANCE, SUM_TOLERANCE, Case, Dtype, Matrix

__all__ = ["gpu_cases"]

_TALL = (Matrix(7_812_500, 512),)
_GIB = 1 << 30
_TF32_TOLERANCE = 2e-3
"""Operands are rounded to 10 bits after the point."""
_HALF_TOLERANCE = 2e-3
_DOUBLE_TOLERANCE = 1e-12


def gpu_cases(*, on_cpu: bool = False) -> list[Case]:
    """Return the cases; on a CPU, to rehearse the code, with its settings.

    >>> [case.name for case in gpu_cases()][:2]
    ['gpu-fp32-32768', 'gpu-tf32-32768']
    """
    cases = [
        _product("gpu-fp32-32768", 32_768, "float32", "standard", 8, PRODUCT_TOLERANCE),
        _product("gpu-tf32-32768", 32_768, "float32", "fast", 8, _TF32_TOLERANCE),
        _product("gpu-3xtf32-32768", 32_768, "float32", "fast-fp32", 8, PRODUCT_TOLERANCE),
        _reduction("sum"),
        _reduction("mean"),
        _reduction("max"),
        _product("gpu-fp64-24576", 24_576, "float64", "standard", 8, _DOUBLE_TOLERANCE),
        _product("gpu-tf32-49152", 49_152, "float32", "fast", 16, _TF32_TOLERANCE),
        _product("gpu-fp16-65536", 65_536, "float16", "standard", 16, _HALF_TOLERANCE),
        # last, for they carry gigabytes through Dask: minutes that no other case has to wait for
        _by_seeds(replace(_reduction("sum"), name="gpu-seeds-sum")),
        _by_seeds(_product("gpu-seeds-32768", 32_768, "float32", "standard", 8, _TF32_TOLERANCE)),
    ]
    return [replace(case, settings=dict(case.settings) | {"device": "cpu"}) for case in cases] if on_cpu else cases


def _by_seeds(case: Case) -> Case:
    """Return a case of its own for what others are compared with: it is slow, and runs once."""
    return replace(case, contenders=("seeds",), most_rounds=1, round_s=60.0)


def _reduction(operation: str) -> Case:
    return Case(
        f"gpu-{operation}",
        "gpu",
        operation,
        _TALL,
        ("arraymill",),
        0.0 if operation == "max" else SUM_TOLERANCE,
        settings={"device": "cuda"},
        round_s=15.0,
    )


def _product(name: str, n: int, dtype: Dtype, precision: str, budget_gib: int, tolerance: float) -> Case:
    settings: dict[str, Any] = {"device": "cuda", "precision": precision, "device_memory": budget_gib * _GIB}
    inputs = Matrix(n, n, 1, dtype), Matrix(n, n, 2, dtype)
    return Case(name, "gpu", "matmul", inputs, ("arraymill",), tolerance, settings=settings, round_s=20.0)

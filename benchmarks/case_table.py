"""The cases of the CPU table: what is compared, with whom, and how often."""

from __future__ import annotations

from .cases import PRODUCT_TOLERANCE, SUM_TOLERANCE, Case, Matrix

__all__ = ["BUDGET_BYTES", "CASES", "EXTRA", "GROWTH_GIB", "chosen_cases", "groups"]

BUDGET_BYTES = 512 << 20
"""Memory of a worker in the case fp64-budget."""
GROWTH_GIB = (1, 2, 4, 8)

_OURS, _N, _T, _D, _C, _S = "arraymill", "numpy", "torch", "dask", "cubed", "seeds"
_TALL = (Matrix(2_000_000, 512),)
_MEGABYTE = (Matrix(512, 512),)


def _product(name: str, left: Matrix, right: Matrix, *contenders: str, round_s: float) -> Case:
    return Case(
        name, "products", "matmul", (left, right), contenders, PRODUCT_TOLERANCE, most_rounds=1, round_s=round_s
    )


def _square(n: int, *contenders: str, round_s: float) -> Case:
    return _product(f"matmul-{n}", Matrix(n, n, 1), Matrix(n, n, 2), *contenders, round_s=round_s)


def _reduction(operation: str, axis: int | None, *contenders: str, round_s: float) -> Case:
    name = f"{operation}-{'all' if axis is None else f'axis{axis}'}"
    tolerance = 0.0 if operation == "max" else SUM_TOLERANCE
    group = "moments" if operation in ("var", "std") else "reductions"
    most_rounds = 1 if group == "moments" else 1000
    return Case(name, group, operation, _TALL, contenders, tolerance, axis, most_rounds=most_rounds, round_s=round_s)


def _gram(operation: str) -> Case:
    return Case(f"{operation}-512", "gram", operation, _TALL, (_OURS, _N, _D), SUM_TOLERANCE, most_rounds=1, round_s=28)


def _growth(operation: str, gib: int) -> Case:
    rows = (gib << 30) // (512 * 4)
    each = {"sum": 2.5 + 0.2 * gib, "gram": 3 + 2 * gib}[operation]
    return Case(
        f"grow-{operation}-{gib}gib",
        "growth",
        operation,
        (Matrix(rows, 512),),
        (_OURS,),
        SUM_TOLERANCE,
        # a sum is short, and a slope of single measurements would be noise
        most_rounds=3 if operation == "sum" else 1,
        round_s=each,
    )


def _shell(name: str, inputs: tuple[Matrix, ...]) -> Case:
    return Case(name, "shell", "sum", inputs, (_OURS, _N), SUM_TOLERANCE, round_s=3, from_shell=True)


_WIDE = Matrix(16_384, 16_384, 1, "float64")

CASES = (
    _square(8192, _OURS, _N, _T, _D, _C, _S, round_s=85),
    _product("matmul-tall", Matrix(200_000, 2048), Matrix(2048, 2048, 2), _OURS, _N, round_s=32),
    _product("matmul-outer", Matrix(20_000, 256), Matrix(256, 20_000, 2), _OURS, _N, round_s=14),
    Case(
        "fp64-budget",
        "budget",
        "matmul",
        (_WIDE, Matrix(16_384, 16_384, 2, "float64")),
        ("arraymill-budget", "arraymill-local"),
        1e-12,
        settings={"memory_per_worker": BUDGET_BYTES},
        most_rounds=1,
        # repeated when it is named
        most_runs=1,
        round_s=215,
    ),
    _reduction("sum", 0, _OURS, _N, _D, _C, _S, round_s=34),
    _reduction("sum", None, _OURS, _N, _T, _D, round_s=11),
    _reduction("var", 0, _OURS, _N, _D, round_s=24),
    _reduction("var", 1, _OURS, _N, _D, round_s=18),
    _reduction("std", 0, _OURS, _N, _D, round_s=24),
    _reduction("std", 1, _OURS, _N, _D, round_s=18),
    _gram("gram"),
    _gram("cov"),
    Case("cold-sum", "cold", "sum", _TALL, (_OURS, _N, "disk"), SUM_TOLERANCE, round_s=15, cold=True),
    _shell("shell-sum-1mb", _MEGABYTE),
    _shell("shell-sum-4gb", _TALL),
    *(_growth(operation, gib) for operation in ("sum", "gram") for gib in GROWTH_GIB),
)

EXTRA = (
    _square(4096, _OURS, _N, _T, _D, _C, _S, round_s=35),
    _reduction("mean", 0, _OURS, _N, _T, _D, round_s=12),
    _reduction("max", None, _OURS, _N, _T, _D, round_s=12),
)
"""Cases that run when they are named: no ratio rests on them."""


def groups() -> list[str]:
    """Return the names of the groups of cases, and of what is measured without one."""
    return [*dict.fromkeys(case.group for case in CASES), "overhead"]


def chosen_cases(names: list[str] | None) -> list[Case]:
    """Return the cases of these names and groups; all that a ratio rests on when none are given.

    >>> [case.name for case in chosen_cases(["shell", "matmul-4096"])]
    ['shell-sum-1mb', 'shell-sum-4gb', 'matmul-4096']
    """
    if names is None:
        return list(CASES)
    return [case for case in (*CASES, *EXTRA) if case.name in names or (case.group in names and case in CASES)]

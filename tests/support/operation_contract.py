"""What every operation promises, as strategies of inputs and bounds of errors.

Unit roundoffs: u = 2^-24 for float32 and 2^-53 for float64. A sum of n terms in any order is within (n - 1) u sum|x|
(Higham 2002, equation 4.4); blocks of float32 are within 32 u sum|x| of theirs (`block_sums`). The reference is NumPy
in float64, whose own error is of the first kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from arraymill.jobs.operations import OPERATIONS

PRODUCTS = ("matmul", "gram", "cov", "corrcoef")
REDUCED = (
    *("sum", "mean", "prod", "var", "std", "norm", "min", "max", "ptp"),
    *("argmin", "argmax", "any", "all", "count_nonzero"),
)
REDUCTIONS = tuple(name for name in OPERATIONS if name.removeprefix("nan") in REDUCED)
ROUNDED = ("sum", "mean", "prod", "var", "std", "norm", "nansum", "nanmean", "nanprod", "nanvar", "nanstd")
ARGUMENTS = ("argmin", "argmax", "nanargmin", "nanargmax")
CODES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
LARGER = ((9000,), (17000,), (300, 70), (70, 300), (2, 9000), (40, 3, 50), (1, 64, 1, 80))
LAYOUTS = ("C", "F", "swapped", "reversed", "every other")
U64 = 2.0**-53
SETTINGS_PER_BLOCK = (None, 1, 2, 5, 33)
"""None leaves the size of blocks to the plan; otherwise about so many blocks."""


@dataclass(frozen=True)
class Case:
    """An array, parameters and a size of blocks."""

    array: NDArray[Any]
    params: dict[str, Any]
    block_bytes: int | None

    def __repr__(self) -> str:
        x = self.array
        return f"Case({x.dtype.str} {x.shape} strides {x.strides}, {self.params}, block_bytes={self.block_bytes})\n{x}"


byte_orders: st.SearchStrategy[Literal["=", "<", ">"]] = st.sampled_from(("=", "<", ">"))
shapes = st.lists(st.sampled_from((0, 1, 1, 2, 3, 5, 7)), max_size=4).map(tuple) | st.sampled_from(LARGER)


def draw_values(shape: tuple[int, ...], code: str, seed: int) -> NDArray[Any]:
    """Return numbers of a dtype: signed where it is, over a few binary orders, large enough to wrap in integers."""
    rng, kind = np.random.default_rng(seed), np.dtype(code).kind
    if kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if kind in "iu":
        limits = np.iinfo(code)
        low, high = (limits.min, limits.max) if seed % 2 else (max(limits.min, -3), 3)
        return np.asarray(rng.integers(low, high, shape, code, endpoint=True))
    # exponents within one of 1, so that products of a few hundred stay in range
    real = rng.choice([-1, 1], shape) * 2.0 ** rng.uniform(-1, 1, shape) + (seed % 3) * 4
    if kind == "c":
        return np.asarray(real + 1j * rng.standard_normal(shape)).astype(code)
    return np.asarray(real).astype(code)


def lay_out(values: NDArray[Any], layout: str, byte_order: Literal["=", "<", ">"]) -> NDArray[Any]:
    """Return the values in memory of a layout and byte order."""
    x = values.astype(values.dtype.newbyteorder(byte_order))
    if not x.ndim:
        return x
    if layout == "F":
        return np.asfortranarray(x)
    if layout == "swapped" and x.ndim > 1:
        return np.ascontiguousarray(x.swapaxes(0, -1)).swapaxes(0, -1)
    if layout == "reversed":
        return np.asarray(np.flip(np.ascontiguousarray(np.flip(x))))
    if layout == "every other":
        view: NDArray[Any] = np.zeros([2 * n for n in x.shape], x.dtype)[(slice(None, None, 2),) * x.ndim]
        view[...] = x
        return view
    return x


def axes(ndim: int, *, several: bool) -> st.SearchStrategy[Any]:
    """Return axes that NumPy takes: all, one from either end, a tuple in any order."""
    if not ndim:
        return st.none()
    one = st.integers(-ndim, ndim - 1)
    tuples = st.lists(st.integers(0, ndim - 1), unique=True, max_size=ndim).flatmap(
        lambda chosen: st.tuples(*(st.sampled_from((axis, axis - ndim)) for axis in chosen))
    )
    return st.none() | one | tuples if several else st.none() | one


@st.composite
def cases(draw: st.DrawFn, name: str) -> Case:
    """Draw a case of a reduction: also what NumPy refuses."""
    code, shape = draw(st.sampled_from(CODES)), draw(shapes)
    values = draw_values(shape, code, draw(st.integers(0, 1000)))
    if values.size and values.dtype.kind in "fc":
        special = (math.nan, math.inf, -math.inf) if values.dtype.kind == "f" else (math.nan,)
        for where in draw(st.lists(st.integers(0, values.size - 1), max_size=2) | st.just([])):
            values.flat[where] = draw(st.sampled_from(special))
    layout, byte_order = draw(st.sampled_from(LAYOUTS)), draw(byte_orders)
    params = draw(parameters(name, values))
    n_blocks = draw(st.sampled_from(SETTINGS_PER_BLOCK))
    block_bytes = None if n_blocks is None else max(values.nbytes // n_blocks, 1)
    return Case(lay_out(values, layout, byte_order), params, block_bytes)


@st.composite
def parameters(draw: st.DrawFn, name: str, values: NDArray[Any]) -> dict[str, Any]:
    """Draw parameters of a reduction."""
    params: dict[str, Any] = {
        "axis": draw(axes(values.ndim, several=name not in ARGUMENTS)),
        "keepdims": draw(st.booleans()),
    }
    if name in ("var", "std", "nanvar", "nanstd"):
        params["ddof"] = draw(st.sampled_from((0, 1, 0.5)))
    if name == "norm":
        params["ord"] = draw(st.sampled_from((None, 1, 2, 3, 0.5, -1, 0, math.inf, -math.inf, "fro")))
    if name in ROUNDED and name != "norm" and values.dtype.kind != "c":
        params["dtype"] = draw(st.sampled_from(dtype_names(name, values.dtype)))
    return params


def dtype_names(name: str, dtype: np.dtype[Any]) -> tuple[str | None, ...]:
    """Return values of `dtype=` whose cast of every element NumPy defines."""
    if dtype.kind == "f":
        return (None, "float64", "float32")
    if name.endswith("prod"):
        # no float: zero times what overflowed before it is NaN, and what overflows first is a matter of order
        return (None, "int64", "uint8", "int32")
    if name.endswith("sum"):
        return (None, "int64", "uint8", "int32", "float64")
    return (None, "float64")


def n_reduced(x: NDArray[Any], axis: Any) -> int:
    """Return the number of elements that are reduced into one."""
    if axis is None:
        return x.size
    chosen = (axis,) if isinstance(axis, int) else axis
    return math.prod(x.shape[a] for a in chosen)


def computed_in(x: NDArray[Any], dtype: str | None) -> NDArray[Any]:
    """Return the elements as they are cast before anything is added, in float64 or complex128."""
    native = x.astype(np.dtype(dtype)) if dtype and x.dtype.kind == "f" else x
    return native.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def unit_roundoff(x: NDArray[Any], dtype: str | None) -> float:
    """Return the unit roundoff of sums within a block."""
    is_single = x.dtype.kind in "fc" and x.dtype.itemsize <= 4 * (1 + (x.dtype.kind == "c"))
    narrow = dtype == "float32" or (is_single and dtype is None)
    return 2.0**-24 if narrow and x.dtype.kind in "fc" else U64


def reduction_bound(name: str, x: NDArray[Any], params: dict[str, Any], want: NDArray[Any]) -> NDArray[Any]:
    """Return how far a rounded reduction may be from NumPy's in float64, before the result is rounded."""
    n, u = n_reduced(x, params["axis"]), unit_roundoff(x, params.get("dtype"))
    kept = {"axis": params["axis"], "keepdims": params["keepdims"]}
    wide = computed_in(x, params.get("dtype"))
    if name == "norm":
        # terms are not negative: their sum is within 32 u or so of itself, the root of order p within 1/|p| of that
        p = 2.0 if params["ord"] in (None, "fro") else abs(params["ord"])
        steep = 1.0 if p in (0, math.inf) else max(1 / p, 1)
        return np.asarray(np.abs(want) * steep * ((min(n, 32) + 8) * u + (2 * n + 256) * U64))
    if name.endswith("prod"):
        # n products in float64 on either side, complex ones within 3 u each (Higham 2002, equation 3.14a)
        return np.asarray(np.abs(want) * 2 * 3 * n * U64)
    if name.startswith("nan"):
        wide = np.where(np.isnan(wide), 0, wide)
    sizes = np.abs(wide)
    in_sum = min(n, 32) * u + 2 * n * U64
    if name.endswith("sum"):
        return np.asarray(in_sum * np.sum(sizes, **kept))
    if name.endswith("mean"):
        count = np.sum(~np.isnan(computed_in(x, None)), **kept) if name.startswith("nan") else n
        return np.asarray(in_sum * np.sum(sizes, **kept) / count + 2 * U64 * np.abs(want))
    return moment_bound(name, x, params, want)


def moment_bound(name: str, x: NDArray[Any], params: dict[str, Any], want: NDArray[Any]) -> NDArray[Any]:
    """Return the bound of var or std.

    With M2 the sum of squared deviations, A the mean magnitude and s = steps u the error of a sum: a piece is shifted
    by its own mean, known to s A, so what is squared adds up to D <= M2 + n (s A)^2. Squares and their sum are within
    (s + 3u) D, the correction drift^2 / n within 2 s D, and the delta of a merge within 2 s of the root mean square,
    so 2 s D again: below 8 s D together. Means are kept in float64: n U64 A of them moves M2 by 2 n U64 A sqrt(n M2).
    """
    wide = computed_in(x, params.get("dtype"))
    kept = {"axis": params["axis"], "keepdims": params["keepdims"]}
    present = ~np.isnan(wide) if name.startswith("nan") else np.ones(wide.shape, bool)
    count = np.sum(present, **kept)
    n = n_reduced(x, params["axis"])
    s = (min(n, 32) + 4) * unit_roundoff(x, params.get("dtype")) + n * U64
    divisor = np.maximum(count - params["ddof"], 0)
    variance = want**2 if name.endswith("std") else want
    m2 = variance * divisor
    size = np.sum(np.abs(np.where(present, wide, 0)), **kept) / count
    d = m2 + count * (s * size) ** 2
    loss = 2 * (8 * s * d + 2 * n * U64 * size * np.sqrt(count * d) + count * (n * U64 * size) ** 2) / divisor
    if name.endswith("var"):
        return np.asarray(loss)
    return np.asarray(np.minimum(np.sqrt(loss), np.where(want > 0, loss / np.where(want > 0, want, 1), np.inf)))


def check_within(got: NDArray[Any], want: NDArray[Any], bound: NDArray[Any]) -> None:
    """Assert that a result of any float dtype is the reference to within a bound and one rounding of its own."""
    limits = np.finfo(got.dtype)
    wide = got.astype(want.dtype)
    overflows = np.abs(want) + bound >= float(limits.max) * (1 - float(limits.eps))
    allowed = bound + np.abs(want) * float(limits.eps) / 2 + float(limits.smallest_subnormal)
    near = np.abs(wide - want) <= allowed
    same = (wide == want) | (np.isnan(wide) & np.isnan(want))
    right = same | (np.isfinite(want) & (near | (overflows & ~np.isnan(wide))))
    assert right.all(), f"got {got[~right]!r}\nwant {want[~right]!r}\nallowed {allowed[~right]!r}"

"""Strategies: arrays of every dtype and byte order, regions of them, and memory of every layout to hold one."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from arraymill.jobs.blocks import Region, Shape

DTYPES = tuple(
    np.dtype(order + code)
    for code in ("b1", "i1", "u2", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16")
    for order in "<>"
)

LAYOUTS = ("C", "F", "reversed", "every other", "middle", "padded rows", "unaligned")


def regions(shape: Shape) -> st.SearchStrategy[Region]:
    """Regions of a shape, empty ones and the whole one included."""
    bounds = [st.tuples(st.integers(0, n), st.integers(0, n)).map(lambda pair: (min(pair), max(pair))) for n in shape]
    whole = st.just(tuple((0, n) for n in shape))
    return whole | st.tuples(*bounds)


def numbered(shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array whose bytes tell its elements apart."""
    n_bytes = int(np.prod(shape, dtype=int)) * dtype.itemsize
    raw = np.random.default_rng(n_bytes).integers(0, 256, n_bytes, dtype=np.uint8)
    return (raw % 2 if dtype.kind == "b" else raw).view(dtype).reshape(shape)


def empty_like_layout(layout: str, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return zeros of a shape, laid out in memory in one of `LAYOUTS`."""
    if layout == "F":
        return np.zeros(shape, dtype, "F")
    if layout == "reversed":
        return np.zeros(shape, dtype)[(*(slice(None, None, -1),) * len(shape), ...)]
    if layout == "every other":
        return np.zeros([2 * n for n in shape], dtype)[(*(slice(None, None, 2),) * len(shape), ...)]
    if layout == "middle":
        return np.zeros([n + 2 for n in shape], dtype)[(*(slice(1, -1),) * len(shape), ...)]
    if layout == "padded rows" and shape:
        return np.zeros([*shape[:-1], shape[-1] + 3], dtype)[..., : shape[-1]]
    if layout == "unaligned":
        n_bytes = int(np.prod(shape, dtype=int)) * dtype.itemsize
        return np.zeros(n_bytes + 1, np.uint8)[1:].view(dtype).reshape(shape)
    return np.zeros(shape, dtype)


def same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Return whether two arrays hold the same values to the last bit, byte order aside."""
    native = [x.astype(x.dtype.newbyteorder("="), order="C") for x in (one, other)]
    return (
        one.shape == other.shape and native[0].dtype == native[1].dtype and native[0].tobytes() == native[1].tobytes()
    )

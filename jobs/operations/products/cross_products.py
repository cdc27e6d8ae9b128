"""Products ``x.T @ x`` of tall arrays: slabs of rows in the array's dtype, added up in float64.

m samples of n variables make an n x n result, and a task returns all of it: `draft_cross_products` makes blocks so
large that what returns is small beside what was read. ``slab.T @ slab`` is one operand twice, which NumPy hands to
BLAS's syrk: half of the operations of a product.

Error, for float32 (u = 2^-24): a slab of SLAB rows is within ``gamma_SLAB |x|.T @ |x|``; what float64 adds is below u.
A slab whose squares leave the range of float32 is multiplied in float64.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), equation 3.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...blocks import Grid, ceil_div
from ...errors import CannotFitError, InputUnsupportedError
from ...headers import ArrayHeader
from ...limits import DeviceKind, Limits, room_advice
from ...sizes import format_bytes
from ...stages.kernels import Namespace, ReduceKernel
from ...stages.shapes import Draft, ReduceStage
from ...workspace import thread_workspace
from ..reductions.block_sums import cast

__all__ = ["SLAB", "add_cross_products", "draft_cross_products", "leaves_range", "samples_first"]

SLAB = 2048
"""Rows of one product: enough for BLAS's full speed (180 of 187 effective GFLOP/s on a core at 512 columns), few enough
that float32 loses little."""

_EXACT = 2**53
_LEAST = 2.0**-90
"""Of a sum of SLAB squares: were all below 2^-126 lost, it would still be known to 2^-25 of itself."""
_LEAST_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 2 << 30}
_MOST_BLOCK_BYTES = 4 << 30
_N_TASKS = 256
_PIECE_BYTES = {"cpu": 8 << 20, "cuda": 64 << 20}
_READ_PER_PARTIAL = 16
"""A block reads at least so many times the bytes of the partial that it returns."""


def add_cross_products(xp: Namespace, total: Any, x: Any, wide: Any) -> Any:
    """Return ``total + x.T @ x``, `total` in place where there is one.

    Parameters
    ----------
    xp : array API namespace
    total : array of `wide`, or None
    x : array, at most SLAB rows
        Of the dtype to multiply in; integers are multiplied exactly, modulo 2^64.
    wide : dtype of xp
        float64, complex128 or int64.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    >>> add_cross_products(np, None, x, np.float64)
    array([[10., 14.],
           [14., 20.]])
    """
    product = _integer_product(xp, x) if wide == xp.int64 else _product(xp, x)
    if wide != xp.int64 and product.dtype != wide and leaves_range(xp, product, x):
        product = _product(xp, cast(xp, x, wide))
    if total is None:
        # the product is a buffer that is used again
        return xp.asarray(product, dtype=wide, copy=True) if xp is np else xp.astype(product, wide)
    total += product
    return total


def leaves_range(xp: Namespace, product: Any, x: Any) -> bool:
    """Tell whether products of columns in float32 overflowed (or x holds inf or nan), or lost digits as too small.

    An element's error is measured by its two on the diagonal, and none is larger (Cauchy, Schwarz).

    Examples
    --------
    >>> x = np.array([[1e-25, 0.0]], np.float32)
    >>> leaves_range(np, x.T @ x, x), leaves_range(np, x.T @ x, 0 * x)
    (True, False)
    """
    sizes = xp.abs(xp.linalg.diagonal(product))
    if not bool(xp.all(xp.isfinite(sizes))):
        return True
    is_small = sizes < _LEAST
    return bool(xp.any(is_small)) and bool(xp.any(x[:, is_small] != 0))


def _product(xp: Namespace, x: Any) -> Any:
    if xp is not np:
        return xp.matmul(x.T, x)
    out = thread_workspace().take("cross-product", (x.shape[1], x.shape[1]), x.dtype)
    return np.matmul(x.T, x, out=out)


def _integer_product(xp: Namespace, x: Any) -> Any:
    """Return the product of integers in int64, by float64 while every sum of it is exact there."""
    largest = max(abs(int(xp.min(x))), abs(int(xp.max(x)))) if 0 not in x.shape else 0
    if largest * largest * x.shape[0] < _EXACT:
        return xp.astype(_product(xp, cast(xp, x, xp.float64)), xp.int64)
    if xp is not np:
        raise InputUnsupportedError(
            "products of integers this large are not computed on CUDA",
            cause=f"sums of {x.shape[0]} products of up to {largest} may pass 2^53, and CUDA multiplies no integers",
            safe="nothing was written",
            next="add --device cpu",
        )
    wrapped = x.astype(np.int64)
    return np.matmul(wrapped.T, wrapped)


def draft_cross_products(
    header: ArrayHeader,
    limits: Limits,
    *,
    kernel: ReduceKernel,
    samples: int,
    compute: np.dtype[Any],
    result: np.dtype[Any],
    output_shape: Sequence[int],
    notes: tuple[str, ...] = (),
) -> Draft:
    """Return the draft of an operation whose partials are sums of cross products.

    Parameters
    ----------
    header : ArrayHeader
        1-D (one variable) or 2-D, not empty.
    limits : Limits
    kernel : ReduceKernel
    samples : int
        The axis that is reduced; the other one has the variables.
    compute : numpy.dtype
        What slabs are multiplied in.
    result : numpy.dtype
    output_shape : sequence of int
    notes : tuple of str

    Raises
    ------
    CannotFitError
        If the result is too large to be summed by one task.
    """
    m = header.shape[samples]
    n = header.size // m
    row_bytes = n * header.dtype.itemsize
    # float64 sums, their neighbour in a merge and the merged, and the product of one slab; a slab as it is cast
    wide = 16 if compute.kind == "c" else 8
    sums_bytes, slab_bytes = 4 * wide * n * n, SLAB * n * compute.itemsize
    room = limits.task_host_bytes if limits.device == "cpu" else min(limits.task_host_bytes, limits.task_device_bytes)
    target = limits.block_bytes or _target_bytes(header.nbytes, wide * n * n, limits.device)
    piece = min(max(min(_PIECE_BYTES[limits.device], target) // (SLAB * row_bytes), 1) * SLAB, m)
    need = sums_bytes + slab_bytes + piece * (row_bytes + n * compute.itemsize)
    if need > room:
        raise CannotFitError(
            f"the sums of {n} x {n} products do not fit in one task",
            cause=f"they take {format_bytes(need)}; a task may take {format_bytes(room)}",
            next=room_advice(limits, need, "multiply tile by tile: arraymill run matmul x.npy x.npy --transpose-a"),
        )
    block = min(max(target // (piece * row_bytes), 1) * piece, m)
    chunks, pieces = ([*header.shape] for _ in range(2))
    chunks[samples], pieces[samples] = block, piece
    stage = ReduceStage(
        kernel,
        Grid(header.shape, tuple(chunks)),
        tuple(pieces),
        tuple(range(header.ndim)),
        whole=tuple(output_shape),
    )
    return Draft(
        stage,
        ArrayHeader("output", tuple(output_shape), result),
        flops=m * n * (n + 1) * (4 if compute.kind == "c" else 1),
        task_host_bytes=need,
        task_device_bytes=need if limits.device == "cuda" else 0,
        read_bytes=header.nbytes,
        notes=notes,
    )


def _target_bytes(n_bytes: int, partial_bytes: int, device: DeviceKind) -> int:
    wanted = min(max(ceil_div(n_bytes, _N_TASKS), _LEAST_BLOCK_BYTES[device]), _MOST_BLOCK_BYTES)
    return max(wanted, _READ_PER_PARTIAL * partial_bytes)


def samples_first(xp: Namespace, piece: Any, samples: int) -> Any:
    """Return a piece as samples x variables."""
    if piece.ndim == 1:
        return xp.reshape(piece, (-1, 1))
    return piece if samples == 0 else piece.T

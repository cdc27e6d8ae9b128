"""Products of float32 on tensor cores: operands as sums of numbers of TF32, which has 10 explicit bits.

``a = hi + lo``, both TF32: ``a b = lo_a hi_b + hi_a lo_b + hi_a hi_b`` up to ``lo_a lo_b``, at most 2^-22 of it. The
three are one product, of operands three times as long:

::

    [ lo_a | hi_a | hi_a ] @ [ hi_b ]      in the first two, inf and nan are taken as 0: what IEEE says of them is in
                             [ lo_b ]      the last, and inf times the 0 of a lo would be nan. So no operand has to be
                             [ hi_b ]      looked at, and nothing waits for the device.

Each hi is the nearest TF32 (ties away from zero), but cut off where rounding would overflow; each lo is rounded, with
an error of at most 2^-23 of a.

References
----------
H. Ootomo and R. Yokota, "Recovering single precision accuracy from Tensor Cores while surpassing the FP32 theoretical
peak performance", International Journal of High Performance Computing Applications 36 (2022), 475-491, equations 18-24.
"""

from __future__ import annotations

import torch

__all__ = ["N_TERMS", "round_to_tf32", "split_to_tf32"]

N_TERMS = 3

_DROPPED = 13
"""Bits of a float32 that TF32 has not."""
_HALF = 1 << (_DROPPED - 1)
_KEPT = ~((1 << _DROPPED) - 1)
_MAGNITUDE = 0x7FFFFFFF
_INFINITY = 0x7F800000
_OVERFLOWS = _INFINITY - _HALF
"""From this magnitude on, the nearest TF32 is infinite."""


def round_to_tf32(x: torch.Tensor, out: torch.Tensor, mask: torch.Tensor) -> None:
    """Write the nearest TF32 of each float32 to `out`, without taking memory.

    Parameters
    ----------
    x, out : torch.Tensor
        float32, of one shape; not the same memory. inf and nan stay.
    mask : torch.Tensor
        Scratch: bool, of the same shape.

    Examples
    --------
    >>> x = torch.tensor([1 + 2.0**-10, 1 + 2.0**-11, 1 + 2.0**-12])
    >>> out = torch.empty(3)
    >>> round_to_tf32(x, out, torch.empty(3, dtype=torch.bool))
    >>> ((out - 1) * 2**10).tolist()
    [1.0, 1.0, 0.0]
    """
    bits, rounded = x.view(torch.int32), out.view(torch.int32)
    torch.bitwise_and(bits, _MAGNITUDE, out=rounded)
    torch.lt(rounded, _OVERFLOWS, out=mask)
    # the half is added only where that does not overflow; there the bits are kept, which the device then cuts off
    torch.mul(mask, _HALF, out=rounded)
    rounded.add_(bits)
    rounded.bitwise_and_(_KEPT)
    # a nan whose bits are all among the dropped would have become inf
    torch.ne(x, x, out=mask)
    out.masked_fill_(mask, float("nan"))


def split_to_tf32(x: torch.Tensor, terms: tuple[torch.Tensor, ...], mask: torch.Tensor) -> None:
    """Write lo, hi with zeros for inf and nan, and hi, in the order of an operand's three terms.

    Parameters
    ----------
    x : torch.Tensor
        float32, or float16 whose values are all TF32.
    terms : tuple of torch.Tensor
        lo, hi without inf and nan, hi: float32, of the shape of `x`, any strides.
    mask : torch.Tensor
        Scratch: bool, of the same shape.

    Examples
    --------
    >>> lo, finite, hi = torch.empty(3, 3)
    >>> x = torch.tensor([1 + 2.0**-12, float("inf"), -1.0])
    >>> split_to_tf32(x, (lo, finite, hi), torch.empty(3, dtype=torch.bool))
    >>> (lo * 2**12).tolist(), finite.tolist(), hi.tolist()
    ([1.0, 0.0, 0.0], [1.0, 0.0, -1.0], [1.0, inf, -1.0])
    """
    lo, finite, hi = terms
    if x.dtype == torch.float16:
        hi.copy_(x)
        lo.zero_()
    else:
        round_to_tf32(x, hi, mask)
    # 0 times the bits is 0, whatever they are; 0 times an inf would be nan
    finite_bits = finite.view(torch.int32)
    torch.bitwise_and(hi.view(torch.int32), _MAGNITUDE, out=finite_bits)
    torch.lt(finite_bits, _INFINITY, out=mask)
    torch.mul(hi.view(torch.int32), mask, out=finite_bits)
    if x.dtype == torch.float16:
        return
    torch.sub(x, finite, out=lo)
    low_bits = lo.view(torch.int32)
    low_bits.mul_(mask)
    # far from overflow, so the half may be added
    low_bits.add_(_HALF).bitwise_and_(_KEPT)

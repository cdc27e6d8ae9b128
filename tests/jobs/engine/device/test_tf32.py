"""Rounding to TF32 and splitting in two, checked against exact arithmetic in float64."""

from __future__ import annotations

import numpy as np
import torch

from arraymill.jobs.engine.device.tf32 import round_to_tf32, split_to_tf32

LARGEST = float(np.finfo(np.float32).max)
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, LARGEST, -LARGEST, 1e-45, -1e-40, 2.0**-126, 1 + 2.0**-11, 1 + 2.0**-23]


def values() -> torch.Tensor:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    # a nan whose payload is all in the bits that TF32 has not
    odd = np.array([0x7F800001, 0xFF800FFF, 0x7FFFFFFF], np.uint32).view(np.float32)
    return torch.from_numpy(np.concatenate([bits, odd, np.array(SPECIAL, np.float32)]))


def test_rounding() -> None:
    x = values()
    out = torch.full_like(x, torch.nan)
    round_to_tf32(x, out, torch.empty(x.shape, dtype=torch.bool))
    finite = torch.isfinite(x)
    assert torch.equal(torch.isnan(out), torch.isnan(x))
    assert torch.equal(out[torch.isinf(x)], x[torch.isinf(x)])
    assert torch.isfinite(out[finite]).all()
    assert (out[finite].view(torch.int32) & 0x1FFF == 0).all()
    wide, rounded = x[finite].double(), out[finite].double()
    normal = (wide.abs() >= 2.0**-126) & (wide.abs() < LARGEST * (1 - 2.0**-11))
    assert ((rounded - wide).abs()[normal] <= 2.0**-11 * wide.abs()[normal]).all()
    assert torch.equal(torch.signbit(out[finite]), torch.signbit(x[finite]))


def test_splitting() -> None:
    x = values()
    lo, finite, hi = (torch.full_like(x, torch.nan) for _ in range(3))
    split_to_tf32(x, (lo, finite, hi), torch.empty(x.shape, dtype=torch.bool))
    is_finite = torch.isfinite(x)
    assert torch.isfinite(lo).all()
    assert torch.isfinite(finite).all()
    assert (lo.view(torch.int32) & 0x1FFF == 0).all()
    assert torch.equal(hi[is_finite], finite[is_finite])
    assert (lo[~is_finite] == 0).all()
    assert (finite[~is_finite] == 0).all()
    normal = is_finite & (x.abs() >= 2.0**-100) & (x.abs() < LARGEST * (1 - 2.0**-11))
    wide = x[normal].double()
    assert ((hi[normal].double() + lo[normal].double() - wide).abs() <= 2.0**-23 * wide.abs()).all()


def test_halves_are_tf32() -> None:
    x = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.float16)
    lo, finite, hi = (torch.full(x.shape, torch.nan) for _ in range(3))
    split_to_tf32(x, (lo, finite, hi), torch.empty(x.shape, dtype=torch.bool))
    assert torch.equal(hi.nan_to_num(7), x.float().nan_to_num(7))
    assert (lo == 0).all()
    assert (hi.view(torch.int32) & 0x1FFF)[torch.isfinite(x)].eq(0).all()

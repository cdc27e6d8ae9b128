"""QR by slabs: the same r in both passes, to the bit, on NumPy and torch, for shapes around the size of a slab."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as torch_xp
import numpy as np
import pytest
import torch
from factor_checks import check_orthonormal, check_product

from arraymill.jobs.operations.factorizations.tall_qr import r_factor, thin_product

SLAB = (256 << 10) // 8
SHAPES = ((3, 5), (40, 1), (SLAB - 1, 1), (2 * SLAB, 1), (5 * SLAB + 7, 1), (9001, 16), (16_385, 4), (2048, 32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("xp", [np, torch_xp])
def test_both_passes_find_the_same_factor(shape: tuple[int, int], xp: Any) -> None:
    x = np.random.default_rng(1).standard_normal(shape)
    loaded = x if xp is np else torch.from_numpy(x)
    eye = np.eye(min(shape)) if xp is np else torch.eye(min(shape), dtype=torch.float64)
    q, r = (np.asarray(factor) for factor in thin_product(xp, loaded, eye))
    np.testing.assert_array_equal(np.asarray(r_factor(xp, loaded)), r)
    check_product(x, q @ r, q.dtype)
    check_orthonormal(q, n_levels=2)


def test_the_product_is_with_what_is_given() -> None:
    rng = np.random.default_rng(1)
    x, small = rng.standard_normal((9001, 8)), rng.standard_normal((8, 3))
    q, _ = thin_product(np, x, np.eye(8))
    product, _ = thin_product(np, x, small)
    np.testing.assert_allclose(product, q @ small, atol=1e-14)

"""Facts of modes: one for each precision and dtype, and a slab for each mode."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from arraymill.jobs.limits import Precision
from arraymill.jobs.stages.modes import SLABS, ProductMode, product_mode

SINGLE = {"strict": "fp64acc", "standard": "ieee", "fast": "tf32", "fast-fp32": "3xtf32", "fast-bf16": "bf16"}


@pytest.mark.parametrize("precision", get_args(Precision))
def test_single_precision_has_a_mode_for_each_precision(precision: Precision) -> None:
    assert product_mode(np.dtype("f4"), precision, "cuda") == SINGLE[precision]


@pytest.mark.parametrize("code", ["f8", "c8", "c16", "i4", "u8", "?"])
@pytest.mark.parametrize("precision", get_args(Precision))
def test_other_dtypes_are_multiplied_as_they_are(code: str, precision: Precision) -> None:
    assert product_mode(np.dtype(code), precision, "cuda") == "ieee"


@pytest.mark.parametrize("precision", ["standard", "fast", "fast-fp32", "fast-bf16"])
def test_halves_are_multiplied_as_halves_on_cuda(precision: Precision) -> None:
    assert product_mode(np.dtype("f2"), precision, "cuda") == "fp16"
    assert product_mode(np.dtype("f2"), precision, "cpu") == "ieee"


def test_strict_halves_are_added_in_double_precision() -> None:
    assert product_mode(np.dtype("f2"), "strict", "cuda") == "fp64acc"


def test_every_mode_has_a_slab() -> None:
    assert SLABS.keys() == set(get_args(ProductMode))

"""Facts of rates: which arithmetic is the slower one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arraymill.jobs.rates import rates_of


@pytest.mark.parametrize(
    ("code", "is_double"), [("f2", False), ("f4", False), ("f8", True), ("c8", False), ("c16", True)]
)
def test_double_precision_is_half_as_fast_on_the_cpu(code: str, is_double: bool) -> None:
    assert rates_of("cpu", "standard", np.dtype(code)).flops == (5e10 if is_double else 1e11)


def test_strict_is_double_precision() -> None:
    assert rates_of("cpu", "strict", np.dtype("f4")) == rates_of("cpu", "standard", np.dtype("f8"))


def test_tensor_cores_are_for_fast_single_precision() -> None:
    flops = [rates_of("cuda", precision, np.dtype("f4")).flops for precision in ("fast", "standard", "strict")]
    assert flops[0] > flops[1] == flops[2]


def test_only_a_gpu_has_a_link() -> None:
    assert rates_of("cpu", "standard", np.dtype("f4")).link == math.inf
    assert math.isfinite(rates_of("cuda", "standard", np.dtype("f4")).link)

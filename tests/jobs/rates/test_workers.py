"""Facts of rates: which arithmetic is the slower one, and which a product is of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from arraymill.jobs.limits import DeviceKind
from arraymill.jobs.rates.workers import product_kind, rates_of


@pytest.mark.parametrize(
    ("code", "is_double"), [("f2", False), ("f4", False), ("f8", True), ("c8", False), ("c16", True)]
)
def test_double_precision_is_half_as_fast_on_the_cpu(code: str, is_double: bool) -> None:
    assert rates_of("cpu", "standard", np.dtype(code)).flops == (5e10 if is_double else 1e11)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_strict_is_double_precision(device: DeviceKind) -> None:
    assert rates_of(device, "strict", np.dtype("f4")) == rates_of(device, "standard", np.dtype("f8"))


def test_tensor_cores_are_for_fast_single_precision() -> None:
    flops = [rates_of("cuda", precision, np.dtype("f4")).flops for precision in ("fast", "standard", "strict")]
    assert flops[0] > flops[1] == flops[2]


@pytest.mark.parametrize(
    ("precision", "code", "kind"),
    [
        ("strict", "f4", "f8"),
        ("standard", "f4", "f4"),
        ("fast", "f4", "tf32"),
        ("fast-fp32", "f4", "3xtf32"),
        ("fast-bf16", "f4", "bf16"),
        ("fast", "f8", "f8"),
        ("fast", "f2", "fp16"),
        ("strict", "f2", "f8"),
        ("fast", "c8", "f4"),
        ("fast", "i4", "f4"),
        ("fast", "i8", "f8"),
    ],
)
def test_the_arithmetic_of_products_on_a_gpu(precision: str, code: str, kind: str) -> None:
    assert product_kind("cuda", precision, np.dtype(code)) == kind  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", ["standard", "fast", "fast-fp32", "fast-bf16"])
def test_on_the_cpu_fast_is_standard(precision: str) -> None:
    assert product_kind("cpu", precision, np.dtype("f4")) == "f4"  # type: ignore[arg-type]


def test_only_a_gpu_has_a_link() -> None:
    assert rates_of("cpu", "standard", np.dtype("f4")).link == math.inf
    assert math.isfinite(rates_of("cuda", "standard", np.dtype("f4")).link)


def test_nominal_rates_are_not_measured() -> None:
    assert not rates_of("cuda", "fast", np.dtype("f4")).is_measured

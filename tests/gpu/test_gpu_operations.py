"""Every operation on a real GPU: what it refuses there it says, and what it computes is what the CPU computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from operation_cases import X, case_of

from arraymill.jobs import run
from arraymill.jobs.errors import InputUnsupportedError
from arraymill.jobs.operations import OPERATIONS

pytestmark = pytest.mark.gpu


def outputs(name: str, device: str) -> list[Any]:
    arrays, params = case_of(name)
    result = run(name, *arrays, device=device, cluster="inline", **params)
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "apply"])
def test_a_gpu_computes_what_the_cpu_does(name: str) -> None:
    try:
        found = outputs(name, "cuda")
    except InputUnsupportedError as error:
        pytest.skip(f"refused on CUDA: {error.what}")
    for mine, expected in zip(found, outputs(name, "cpu"), strict=True):
        assert (np.shape(mine), np.asarray(mine).dtype) == (np.shape(expected), np.asarray(expected).dtype)
        scale = float(np.max(np.abs(np.asarray(expected, np.complex128)), initial=0.0))
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-4 * scale)


def test_a_function_is_applied_to_rows_on_a_gpu() -> None:
    import torch

    result = run("apply", X, function="torch:exp", array="torch", device="cuda", cluster="inline")
    assert torch.cuda.is_available()
    np.testing.assert_allclose(result, np.exp(X), rtol=1e-5)

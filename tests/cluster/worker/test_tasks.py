from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from worker_tasks import add, make_tensor

from arraymill.cluster.worker.tasks import pack_task, refuse_tensors, run_packed, run_task

TENSOR = torch.zeros(2)


@dataclass(frozen=True, slots=True)
class Holder:
    value: Any


@pytest.mark.parametrize(
    "value", [TENSOR, [1, TENSOR], (TENSOR,), {"a": {"b": TENSOR}}, Holder((1, TENSOR)), torch.nn.Parameter(TENSOR)]
)
def test_a_tensor_is_found_wherever_it_is(value: object) -> None:
    with pytest.raises(TypeError, match=r"an argument .* torch.Tensor.*cpu\(\).numpy\(\)"):
        refuse_tensors(value, "an argument")


@pytest.mark.parametrize("value", [None, 3, "tensor", np.zeros(3), [np.zeros(2)], {"a": 1}, Holder(1), Holder])
def test_everything_else_passes(value: object) -> None:
    refuse_tensors(value, "an argument")


def test_a_tensor_does_not_get_into_a_packed_task() -> None:
    with pytest.raises(TypeError, match="an argument"):
        pack_task(add, (1, TENSOR))


def test_a_tensor_does_not_come_out_of_a_task() -> None:
    with pytest.raises(TypeError, match="the result"):
        run_packed(pack_task(make_tensor, ()))
    with pytest.raises(TypeError, match="the result"):
        run_task(make_tensor, ())


def test_arrays_survive_the_journey() -> None:
    array = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(run_packed(pack_task(np.transpose, (array,))), array.T)

"""Facts of plans, from shapes alone: no array is made."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.reductions.sums import SumParams
from arraymill.jobs.plans.planning import Plan, check_params, plan_job
from arraymill.jobs.rates.workers import rates_of

GB = 1 << 30
REDUCTIONS = [
    name for name in OPERATIONS if "keepdims" in OPERATIONS[name].params.model_fields and OPERATIONS[name].chain is None
]


def header(shape: tuple[int, ...], code: str = "f4", order: Any = "C", name: str = "x.npy") -> ArrayHeader:
    return ArrayHeader(name, shape, np.dtype(code), order)


def plan(name: str, *headers: ArrayHeader, memory: int = 4 * GB, **settings: Any) -> Plan:
    params = settings.pop("params", {})
    budget = Budget(memory, settings.pop("device_memory", 40 * GB))
    return plan_job(OPERATIONS[name], headers, params, budget=budget, **settings)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["sum", "var", "max"])
def test_ten_terabytes_are_planned_in_few_blocks_and_little_memory(name: str, order: Any, axis: Any) -> None:
    made = plan(name, header((50_000, 5000, 10_000), order=order), params={"axis": axis}, memory=4 * GB)
    assert made.read_bytes == 10**13
    assert 100 <= made.n_blocks <= 200_000
    assert made.task_host_bytes <= made.limits.task_host_bytes


def test_what_readers_keep_is_counted_with_a_task() -> None:
    x = header((10_000, 5000))
    packed = replace(x, reader_bytes=1 << 26)
    assert plan("sum", packed).task_host_bytes == plan("sum", x).task_host_bytes + (1 << 26)
    assert replace(plan("sum", packed), inputs=(x,), task_host_bytes=0) == replace(plan("sum", x), task_host_bytes=0)


def test_a_product_of_terabytes_is_planned_within_a_task_of_its_share() -> None:
    side = 10**6
    made = plan("matmul", header((side, side), name="a"), header((side, side), name="b"))
    assert (made.output.shape, made.flops) == ((side, side), 2 * side**3)
    assert made.task_host_bytes <= made.limits.task_host_bytes
    # Hong and Kung 1981: through a memory of M elements at least 2 m n k / sqrt(M) elements move
    assert made.read_bytes / 4 >= 2 * side**3 / math.sqrt(made.task_host_bytes / 4)
    assert made.binding == "compute"


@pytest.mark.parametrize("name", REDUCTIONS)
def test_the_blocks_of_a_reduction_depend_on_neither_workers_nor_memory(name: str) -> None:
    x = header((3_000_000, 700))
    stages = {
        plan(name, x, params={"axis": 0}, memory=memory, n_workers=n_workers).stage
        for memory in (GB, 300 * GB)
        for n_workers in (1, 3, 64)
    }
    assert len(stages) == 1


@pytest.mark.parametrize("n_workers", [2, 96])
def test_the_tiles_of_a_product_do_not_depend_on_workers(n_workers: int) -> None:
    a, b = header((9000, 4000), name="a"), header((4000, 7000), name="b")
    assert plan("matmul", a, b).stage == plan("matmul", a, b, n_workers=n_workers).stage


@given(
    shape=st.lists(st.integers(1, 10**5), min_size=1, max_size=4).map(tuple),
    axes=st.sets(st.integers(0, 3)),
    block_bytes=st.none() | st.integers(1, 1 << 30),
)
def test_a_block_is_at_most_its_size(shape: tuple[int, ...], axes: set[int], block_bytes: int | None) -> None:
    chosen = tuple(sorted(axis for axis in axes if axis < len(shape)))
    made = plan("sum", header(shape), params={"axis": chosen}, block_bytes=block_bytes)
    stage: Any = made.stage
    largest = block_bytes or max(min(4 * math.prod(shape) // 256, 4 * GB), 64 << 20)
    assert 4 * math.prod(stage.grid.chunks) <= max(largest, 4 * (32 << 10))
    assert all(piece <= chunk for piece, chunk in zip(stage.pieces, stage.grid.chunks, strict=True))


def test_a_plan_is_small_and_travels() -> None:
    made = plan("sum", header((10**9, 1000)), params={"axis": 0})
    assert len(pickle.dumps(made.stage)) < 2000
    assert pickle.loads(pickle.dumps(made.stage)) == made.stage


def test_the_prediction_is_of_the_longest_step() -> None:
    made = plan("sum", header((10**9,)))
    assert made.predicted_s == made.seconds["read"] == 4e9 / 8e9
    assert made.binding == "read"
    assert plan("sum", header((10**9,)), n_workers=2).predicted_s == made.predicted_s / 2


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_measured_rates_change_seconds_and_no_tile(device: Any) -> None:
    a, b = header((40_000, 40_000), name="a"), header((40_000, 40_000), name="b")
    slow = replace(rates_of(device, "standard", np.dtype("f4")), flops=1e9, read=1e6, is_measured=True)
    nominal, measured = (plan("matmul", a, b, device=device, rates=rates) for rates in (None, lambda dtype: slow))
    assert measured.stage == nominal.stage
    assert (nominal.is_measured, measured.is_measured) == (False, True)
    assert measured.predicted_s > 10 * nominal.predicted_s


def test_a_reduction_reads_what_it_must_and_no_more() -> None:
    made = plan("sum", header((10**9,)))
    assert (made.moves.least_in_bytes, made.bytes_ratio, made.least_s) == (4 * 10**9, 1.0, made.predicted_s)


def test_a_product_that_reads_panels_again_says_how_often() -> None:
    side = 16384
    made = plan("matmul", header((side, side), name="a"), header((side, side), name="b"))
    stage: Any = made.stage
    a_reads, b_reads = side // stage.grid.chunks[1], side // stage.grid.chunks[0]
    assert made.bytes_ratio == (a_reads + b_reads + 1) / 3


@pytest.mark.parametrize(
    ("sides", "code", "precision", "gib"),
    [
        ((32768, 32768, 32768), "f4", "standard", 8),
        ((24576, 24576, 24576), "f8", "standard", 8),
        ((49152, 49152, 49152), "f4", "fast", 16),
        ((65536, 65536, 65536), "f2", "standard", 16),
        ((65536, 16384, 32768), "f4", "standard", 8),
        ((200_000, 2048, 2048), "f4", "standard", 8),
        ((4096, 4096, 1_000_000), "f4", "standard", 8),
    ],
)
def test_products_on_a_gpu_move_at_most_a_few_hundredths_more_than_the_least(
    sides: tuple[int, int, int], code: str, precision: Any, gib: int
) -> None:
    m, n, k = sides
    a, b = header((m, k), code, name="a"), header((k, n), code, name="b")
    made = plan("matmul", a, b, memory=64 * GB, device_memory=gib * GB, device="cuda", precision=precision)
    itemsize = a.dtype.itemsize
    # Hong and Kung 1981, over all of the memory
    least = max(m * k + k * n, 2 * m * n * k / math.sqrt(gib * GB / itemsize)) + m * n
    assert made.moved_bytes <= 1.03 * itemsize * least


def test_products_of_large_matrices_wait_for_arithmetic() -> None:
    made = plan("matmul", header((8192, 8192), name="a"), header((8192, 8192), name="b"))
    assert made.binding == "compute"
    assert made.intensity > 100


def test_a_gpu_has_a_link_and_the_cpu_none() -> None:
    x = header((10**8,))
    assert list(plan("sum", x).seconds) == ["read", "compute", "write"]
    on_gpu = plan("sum", x, device="cuda")
    assert list(on_gpu.seconds) == ["read", "to_device", "compute", "from_device", "write"]
    assert on_gpu.moves.to_device_bytes == x.nbytes


def test_a_device_too_small_is_refused_with_the_setting() -> None:
    with pytest.raises(CannotFitError) as caught:
        plan("sum", header((10**9,)), device="cuda", device_memory=1 << 20)
    assert (caught.value.exit_code, caught.value.next) == (6, "raise --device-memory")


@pytest.mark.parametrize(("name", "n"), [("sum", 0), ("sum", 2), ("matmul", 1), ("matmul", 3), ("map", 0)])
def test_a_wrong_number_of_inputs_is_refused(name: str, n: int) -> None:
    with pytest.raises(SpecError, match="input") as caught:
        plan(name, *[header((3,))] * n)
    assert caught.value.cause == f"{n} were given"


def test_every_wrong_parameter_is_named_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        plan("var", header((3,)), params={"axs": 0, "ddof": "many"})
    assert "axs" in str(caught.value)
    assert "ddof" in str(caught.value)


def test_checked_parameters_are_taken_as_they_are() -> None:
    params = SumParams.model_validate({"axis": 0})
    assert check_params(OPERATIONS["sum"], params) is params


@pytest.mark.parametrize("axis", [3, -4, (0, 3)])
def test_an_axis_out_of_bounds_has_numpys_words(axis: Any) -> None:
    with pytest.raises(SpecError, match="out of bounds for array of dimension 3"):
        plan("sum", header((2, 3, 4)), params={"axis": axis})


def test_the_maximum_of_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="zero-size array"):
        plan("max", header((0, 3)))


def test_objects_are_refused() -> None:
    with pytest.raises(InputUnsupportedError):
        plan("max", header((4,), "O"))


@pytest.mark.parametrize("name", [*REDUCTIONS, "matmul"])
def test_an_operations_example_is_of_its_name(name: str) -> None:
    assert OPERATIONS[name].example.startswith(f"arraymill run {name} ")

"""Whole jobs through the pipeline of the fake device: the same bits as piece by piece with the same library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from chained_operations import chained
from in_process_jobs import ROOMY, plan_arrays, run_arrays, run_chain_plan
from operation_contract import ARGUMENTS, CODES, LAYOUTS, REDUCTIONS, draw_values, lay_out

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.inline import InlineSession
from arraymill.jobs.arrays import MemorySource, MemoryTarget, block_checksum, create_output, open_source
from arraymill.jobs.engine import Fence, StaleEpochError, Work, output_regions, run_block
from arraymill.jobs.engine.device import Engine, FakeDevice, Settings, install_engine
from arraymill.jobs.errors import CannotFitError
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.chain import Step
from arraymill.jobs.plans.chains import plan_chain

SMALL = Settings(slot_bytes=256, n_in=3, n_out=2, n_readers=2, n_writers=2)
SHAPES = ((), (1,), (700,), (40, 30), (3, 1, 50))


@pytest.fixture(autouse=True)
def engine() -> Iterator[Engine]:
    """Put a small engine with delays in the place of the process's."""
    small = Engine(FakeDevice(seed=4, longest_delay_s=5e-5), SMALL)
    before = install_engine("fake", small)
    yield small
    install_engine("fake", before)
    small.close()


def same_outcome(name: str, arrays: list[Any], params: dict[str, Any], **limits: Any) -> None:
    """Check that the engine gives the bits of the simple path, or the same kind of error."""
    try:
        expected = run_arrays(name, arrays, params, backend="torch-cpu", **limits)
    except Exception as error:  # noqa: BLE001 - whatever it is
        with pytest.raises(type(error)):
            run_arrays(name, arrays, params, backend="fake", **limits)
        return
    found = run_arrays(name, arrays, params, backend="fake", **limits)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "params"), [("fft", {"n": 7}), ("irfft", {}), ("diff", {"n": 2}), ("cumsum", {})])
def test_along_an_axis(name: str, params: dict[str, Any], layout: str) -> None:
    for axis, code in ((0, "f4"), (1, "u4"), (2, "c8")):
        x = lay_out(draw_values((3, 5, 50), code, axis), layout, "<" if axis else ">")
        same_outcome(name, [x], {"axis": axis, **params}, block_bytes=x.nbytes // 3)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str) -> None:
    for number, code in enumerate(CODES):
        shape = SHAPES[(number + len(name)) % len(SHAPES)]
        x = draw_values(shape, code, number)
        layout = LAYOUTS[number % len(LAYOUTS)]
        axis = None if number % 2 or name in ARGUMENTS else len(shape) - 1 if shape else None
        byte_order: Literal["<", ">"] = "<" if number % 3 else ">"
        same_outcome(name, [lay_out(x, layout, byte_order)], {"axis": axis}, block_bytes=max(x.nbytes // 3, 1))


@pytest.mark.parametrize("code", CODES)
def test_maps(code: str) -> None:
    for number, shape in enumerate(SHAPES):
        x, y = draw_values(shape, code, number), draw_values(shape[-1:], code, number + 1)
        arrays = [lay_out(x, LAYOUTS[number % len(LAYOUTS)], "<"), y]
        # how torch multiplies complex numbers depends on where they lie in memory
        expression = "x + y * x" if code[0] != "c" else "x + y + x"
        same_outcome("map", arrays, {"expr": expression}, block_bytes=max(x.nbytes // 3, 1))
        same_outcome("map", arrays[:1], {"expr": "x == x"}, block_bytes=max(x.nbytes // 3, 1))


@pytest.mark.parametrize(
    "shapes", [((30,), (30,)), ((8, 30), (30, 9)), ((4, 8, 30), (30, 9)), ((2, 1, 8, 5), (3, 5, 7))]
)
@pytest.mark.parametrize("code", ["?", "i2", "f2", "f4", "f8", "c8"])
def test_products_of_small_integers(code: str, shapes: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = ((rng.integers(0, 3, shape)).astype(code) for shape in shapes)
    for block_bytes in (None, 600):
        found = run_arrays("matmul", [a, b], backend="fake", block_bytes=block_bytes)
        np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize("precision", ["strict", "standard", "fast", "fast-fp32", "fast-bf16"])
@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
def test_products_of_every_precision(code: str, precision: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, shape).astype(code) for shape in ((70, 90), (90, 60)))
    found = run_arrays("matmul", [a, b], backend="fake", block_bytes=20_000, precision=precision)
    np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize(
    ("name", "params"), [("matmul", {}), ("sum", {"axis": 1}), ("map", {"expr": "x * 2"}), ("var", {})]
)
def test_jobs_on_an_inline_session(name: str, params: dict[str, Any]) -> None:
    x = np.random.default_rng(1).integers(-9, 9, (64, 64)).astype("f4")
    arrays = [x, x] if name == "matmul" else [x]
    with InlineSession(ClusterConfig("inline", workers=2)) as session:
        found = run_arrays(name, arrays, params, backend="fake", session=session, block_bytes=6000)
    np.testing.assert_array_equal(found, run_arrays(name, arrays, params, backend="torch-cpu", block_bytes=6000))


def stored_work(folder: Path, name: str, params: dict[str, Any], arrays: list[Any], fence: Fence | None) -> Any:
    plan = plan_arrays(name, arrays, params, backend="fake", block_bytes=3000)
    for letter, array in zip("ab", arrays, strict=False):
        np.save(folder / f"{letter}.npy", array)
    sources = tuple(open_source(folder / f"{letter}.npy") for letter, _ in zip("ab", arrays, strict=False))
    output = create_output(
        folder / "out.npy", plan.output.shape, plan.output.dtype, plan.output.order, replace=False, inputs=sources
    )
    target = output.target if plan.stage.n_parts == 1 else None
    work = Work(plan.stage, sources, target, "fake", fence=fence, durable=True)  # type: ignore[arg-type]
    return output, work


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("name", "params"), [("matmul", {}), ("sum", {"axis": 1}), ("map", {"expr": "x * 2"})])
def test_checksums_are_those_of_the_file(tmp_path: Path, name: str, params: dict[str, Any], order: Any) -> None:
    x = np.asarray(np.random.default_rng(1).integers(-9, 9, (50, 50)).astype("f4"), order=order)
    arrays = [x, x] if name == "matmul" else [x]
    output, work = stored_work(tmp_path, name, params, arrays, None)
    with output:
        for index in range(work.stage.grid.n_blocks):
            record = run_block(work, index).record
            if work.target is None:
                assert record.crc32 is None
                continue
            target = output.target.T if work.stage.reverse else output.target
            assert record.crc32 == block_checksum(target, output_regions(work.stage, index))
        if work.target is None:
            return
        output.publish()
    expected = run_arrays(name, arrays, params, backend="torch-cpu", block_bytes=3000)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


def test_a_late_worker_is_fenced(tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text("2\n")
    x = np.ones((50, 50), "f4")
    output, work = stored_work(tmp_path, "map", {"expr": "x"}, [x], Fence(str(tmp_path / "epoch"), 1))
    with output, pytest.raises(StaleEpochError):
        run_block(work, 0)


@pytest.mark.parametrize(("name", "params"), [("matmul", {}), ("sum", {"axis": 1}), ("map", {"expr": "x * 2"})])
def test_memory_that_runs_out_is_met_with_smaller_pieces(
    name: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # the heap of the test session is large
    monkeypatch.setattr("gc.collect", lambda: 0)
    x = np.random.default_rng(1).integers(-9, 9, (64, 64)).astype("f4")
    arrays = [x, x] if name == "matmul" else [x]
    plan = plan_arrays(name, arrays, params, backend="fake")
    sources = tuple(MemorySource(letter, array) for letter, array in zip("ab", arrays, strict=False))
    n_splits = []
    for memory in (1 << 20, 12_000, 100):
        install_engine("fake", Engine(FakeDevice(memory_bytes=memory), SMALL))
        target = MemoryTarget(np.full(plan.output.shape, 113, plan.output.dtype))
        work = Work(plan.stage, sources, target, "fake")  # type: ignore[arg-type]
        if memory == 100:
            with pytest.raises(CannotFitError, match="out of memory"):
                run_block(work, 0)
            continue
        n_splits.append(run_block(work, 0).record.n_splits)
        np.testing.assert_array_equal(target.array, run_arrays(name, arrays, params, backend="torch-cpu"))
    assert n_splits[0] == 0 < n_splits[1]


def test_seconds_of_all_steps_are_recorded(engine: Engine) -> None:
    x = np.ones((60, 60), "f4")
    plan = plan_arrays("matmul", [x, x], backend="fake")
    work = Work(plan.stage, (MemorySource("a", x),) * 2, MemoryTarget(np.empty((60, 60), "f4")), "fake")  # type: ignore[arg-type]
    record = run_block(work, 0).record
    assert set(record.seconds) == {"read", "to_device", "compute", "from_device", "write"}
    assert all(0 < seconds <= record.wall_s for seconds in record.seconds.values())
    assert record.bytes_written == 4 * 3600


@pytest.mark.parametrize("op", ["sum", "gram", "matmul", "map"])
def test_what_is_computed_as_it_is_read_feeds_the_pipeline(op: str) -> None:
    x = draw_values((60, 24), "f4", 3)
    last = {"matmul": (("log", "x"), {"transpose_b": True}), "map": (("log",), {"expr": "x * 2"})}
    reads, params = last.get(op, (("log",), {}))
    steps = Step("log", OPERATIONS["map"], ("x",), {"expr": "log(abs(x) + 1)"}), Step(op, OPERATIONS[op], reads, params)
    operation = chained("fused", *steps, outputs=((op, op),))
    header = MemorySource("x", x).header
    # a product in small tiles reads too often to be fused
    block_bytes = None if op == "matmul" else 1500
    plan = plan_chain(operation, [header], {}, budget=ROOMY, device="cuda", block_bytes=block_bytes)
    assert [step.name for step in plan.steps] == [op]
    expected = run_chain_plan(plan, [x], backend="torch-cpu")[op]
    assert run_chain_plan(plan, [x], backend="fake")[op].tobytes() == expected.tobytes()

"""The engine's pipeline on a real GPU: errors of each arithmetic, the same bits again, no allocation on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_engine import F4, product_stage, run_stage
from in_process_jobs import plan_arrays
from numpy.typing import NDArray

from arraymill.jobs.arrays import MemoryTarget, NpySource, open_source
from arraymill.jobs.engine.device import CudaDevice, Engine, Settings
from arraymill.jobs.engine.device.contract import plan_products
from arraymill.jobs.engine.stored import StoredTarget

pytestmark = pytest.mark.gpu

M, K, N = 3000, 4200, 2600
SETTINGS = Settings(slot_bytes=4 << 20, n_in=8, n_out=4, n_readers=4, n_writers=3)
TILE = {"tile": (1024, 1024), "slab": 1024}
# unit roundoffs
U_FP32, U_TF32, U_BF16, U_FP16 = 2.0**-24, 2.0**-11, 2.0**-8, 2.0**-11


class CountingDevice(CudaDevice):
    """Counts the bytes that cross the link, and what torch allocates between the first product and the last copy."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = {"in": 0, "out": 0}

    def copy(self, stream: Any, target: Any, source: Any) -> None:
        self.moved["out" if source.is_cuda else "in"] += source.nbytes
        assert target.is_contiguous()
        assert source.is_contiguous()
        assert (target if source.is_cuda else source).is_pinned()
        super().copy(stream, target, source)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine(CountingDevice(), SETTINGS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def operands(tmp_path_factory: pytest.TempPathFactory) -> tuple[NDArray[Any], NDArray[Any], tuple[NpySource, ...]]:
    folder = tmp_path_factory.mktemp("operands")
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(F4) for shape in ((M, K), (K, N)))
    return a, b, save(folder, a, b)


def save(folder: Path, *arrays: NDArray[Any]) -> tuple[Any, ...]:
    sources = []
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array)
        sources.append(open_source(folder / f"{number}.npy"))
    return tuple(sources)


def multiply(engine: Engine, sources: tuple[Any, ...], **fields: Any) -> NDArray[Any]:
    out = np.full((M, N), np.nan, fields.get("result", F4))
    run_stage(engine, product_stage(M, K, N, **(TILE | fields)), sources, MemoryTarget(out))
    return out


def error(found: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the largest error relative to |a| @ |b|."""
    exact = a.astype("f8") @ b.astype("f8")
    return float((np.abs(found - exact) / (np.abs(a).astype("f8") @ np.abs(b).astype("f8"))).max())


def test_errors_of_each_arithmetic(engine: Engine, operands: Any) -> None:
    a, b, sources = operands
    errors = {mode: error(multiply(engine, sources, mode=mode), a, b) for mode in ("ieee", "3xtf32", "tf32", "bf16")}
    assert errors["ieee"] <= 2 * K * U_FP32
    # one of the rows of the table of performance.md: at most 4 times that of float32
    assert errors["3xtf32"] <= 4 * errors["ieee"]
    # operands are rounded (tensor cores cut off: twice the roundoff), sums are those of float32
    assert errors["tf32"] <= 4 * U_TF32 + 2 * K * U_FP32
    assert errors["bf16"] <= 2 * U_BF16 + U_BF16**2 + 2 * K * U_FP32
    assert error(multiply(engine, sources, mode="fp64acc"), a, b) <= U_FP32 + 2 * K * 2.0**-53


def test_halves(engine: Engine, operands: Any, tmp_path: Path) -> None:
    half = np.dtype("f2")
    a, b = (array.astype(half) for array in operands[:2])
    found = multiply(engine, save(tmp_path, a, b), mode="fp16", result=half)
    exact = a.astype("f8") @ b.astype("f8")
    size = np.abs(a).astype("f8") @ np.abs(b).astype("f8")
    # summed in float32, rounded once
    assert (np.abs(found - exact) <= 2 * K * U_FP32 * size + U_FP16 * np.abs(exact)).all()


@pytest.mark.parametrize("mode", ["ieee", "tf32", "3xtf32"])
def test_inf_and_nan_are_where_ieee_has_them(engine: Engine, operands: Any, tmp_path: Path, mode: str) -> None:
    a, b, _ = operands
    a = a.copy()
    a[5, 7], a[9, K // 2], a[11, 3], a[11, 4] = np.inf, np.nan, np.inf, -np.inf
    found = multiply(engine, save(tmp_path, a, b), mode=mode)
    with np.errstate(all="ignore"):
        expected = a @ b
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])


@pytest.mark.parametrize("mode", ["ieee", "tf32", "3xtf32", "bf16"])
def test_the_same_bits_again_and_with_other_slots(operands: Any, mode: str) -> None:
    digests = set()
    for settings in (SETTINGS, SETTINGS, Settings(slot_bytes=1 << 20, n_in=3, n_out=2, n_readers=1, n_writers=1)):
        engine = Engine(CudaDevice(), settings)
        digests.add(multiply(engine, operands[2], mode=mode).tobytes())
        digests.add(multiply(engine, operands[2], mode=mode, resident="a").tobytes())
        engine.close()
    assert len(digests) == 1


@pytest.mark.parametrize("mode", ["ieee", "tf32", "3xtf32", "bf16", "fp64acc"])
def test_nothing_is_allocated_once_it_is_warm(engine: Engine, operands: Any, mode: str) -> None:
    import torch

    multiply(engine, operands[2], mode=mode)
    n_allocations = engine.device.n_allocations
    before = torch.cuda.memory_stats()
    multiply(engine, operands[2], mode=mode)
    after = torch.cuda.memory_stats()
    assert engine.device.n_allocations == n_allocations
    # from the device, which would have to stop for it; what cuBLAS takes out of torch's cache for a while costs nothing
    for name in ("num_device_alloc", "segment.all.allocated"):
        assert after[name] == before[name], name


@pytest.mark.parametrize("resident", ["none", "a", "b"])
def test_bytes_over_the_link(engine: Engine, operands: Any, resident: Any) -> None:
    order: Any = "columns" if resident == "b" else "rows"
    stage = product_stage(M, K, N, **TILE, order=order, resident=resident)
    device = engine.device
    assert isinstance(device, CountingDevice)
    device.moved = {"in": 0, "out": 0}
    multiply(engine, operands[2], order=order, resident=resident)
    planned = sum(operand.link_bytes for operand in plan_products(stage, 0, operands[2], 2).operands)
    assert device.moved == {"in": planned, "out": 4 * M * N}
    if resident != "none":
        panel, other, n_passes = {"a": (M * K, K * N, 3), "b": (K * N, M * K, 3)}[resident]
        assert planned == 4 * (panel + n_passes * other)


def test_a_failure_leaves_the_engine_usable(engine: Engine, operands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, sources = operands

    def fail(*args: Any, **kwargs: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTarget, "open", fail)
        with pytest.raises(KeyboardInterrupt):
            multiply(engine, sources)
    assert error(multiply(engine, sources), a, b) <= 2 * K * U_FP32


@pytest.mark.parametrize(
    ("name", "params"), [("sum", {"axis": 0}), ("max", {"axis": 1}), ("map", {"expr": "x * 2 - 1"}), ("var", {})]
)
def test_other_stages_give_the_bits_of_the_simple_path(
    engine: Engine, operands: Any, name: str, params: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arraymill.jobs.engine import Work, device, run_block

    a, _, sources = operands
    plan = plan_arrays(name, [a], params, backend="torch-cuda")
    stage: Any = plan.stage
    results = []
    for is_simple in (False, True):
        with monkeypatch.context() as patch:
            if is_simple:
                patch.setattr(device, "suits", lambda *args: False)
            target = MemoryTarget(np.full(plan.output.shape, 113, plan.output.dtype))
            work = Work(stage, sources[:1], target if stage.n_parts == 1 else None, "torch-cuda")
            partials = [run_block(work, index).partial for index in range(stage.grid.n_blocks)]
        results.append([target.array.tobytes(), *(part.tobytes() for partial in partials for part in partial or ())])
    assert results[0] == results[1]


def test_a_stored_tile_has_the_checksum_of_its_file(engine: Engine, operands: Any, tmp_path: Path) -> None:
    from arraymill.jobs.arrays import block_checksum, create_output
    from arraymill.jobs.engine import output_regions
    from arraymill.jobs.engine.clock import Clock

    stage = product_stage(M, K, N, **TILE)
    with create_output(tmp_path / "c.npy", (M, N), F4, "C", replace=False, inputs=()) as output:
        stored = StoredTarget(output.target, fence=None, clock=Clock())
        run_stage(engine, stage, operands[2], stored)
        assert stored.crc32 == block_checksum(output.target, output_regions(stage, 0))

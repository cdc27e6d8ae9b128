"""The road of a job on GPUs, walked without one: a real LocalCUDACluster, CUDA's plan, torch kernels in its workers.

Only the device differs: the workers of dask-cuda's own test switch compute with torch on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.cuda import start_cuda
from arraymill.cluster.session.dask import DaskSession
from arraymill.jobs.arrays import create_output, open_source
from arraymill.jobs.blocks import Region
from arraymill.jobs.engine import BlockRecord, BlockResult, Work
from arraymill.jobs.limits import Budget, Precision
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.runner import run_work

SHAPE = (2000, 300)
BLOCK_BYTES = {"matmul": 4_000_000}
DEFAULT_BLOCK_BYTES = 300_000
"""Small, for many blocks on each worker."""
U = 2.0**-24


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskSession]:
    scratch = tmp_path_factory.mktemp("scratch")
    config = ClusterConfig("cuda")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_CUDA_TEST_DISABLE_DEVICE_SPECIFIC", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        with DaskSession(
            "cuda", "cuda", scratch, lambda: start_cuda(config, ["0", "1"], scratch, device="cpu")
        ) as made:
            yield made


class TypeCheckedSession:
    """A session that looks at what its tasks return: no tensor may cross their border."""

    def __init__(self, session: DaskSession) -> None:
        self._session, self.n_workers, self.kind = session, session.n_workers, session.kind
        self.pids: set[int] = set()

    def submit(self, function: Any, /, *args: Any, key: str) -> Any:
        return self._session.submit(function, *args, key=key)

    def wait(self, futures: Any, timeout_s: float | None) -> Any:
        done = self._session.wait(futures, timeout_s)
        for future in done:
            result = future.result()
            assert isinstance(result, BlockResult)
            assert isinstance(result.record, BlockRecord)
            assert {type(part).__module__.partition(".")[0] for part in parts_of(result.partial)} <= {
                "numpy",
                "builtins",
            }
            self.pids.add(result.record.pid)
        return done


def parts_of(partial: Any) -> list[Any]:
    """Return what a partial is made of, nested containers taken apart."""
    if isinstance(partial, dict):
        return [leaf for part in partial.values() for leaf in parts_of(part)]
    if isinstance(partial, list | tuple):
        return [leaf for part in partial for leaf in parts_of(part)]
    return [partial]


def run_on_cuda_road(
    session: DaskSession, name: str, paths: list[Path], output: Path, precision: Precision = "standard", **params: Any
) -> NDArray[Any]:
    """Run a job as the API does on GPUs, but with torch on the CPU."""
    sources = tuple(open_source(path) for path in paths)
    plan = plan_job(
        OPERATIONS[name],
        [source.header for source in sources],
        params,
        budget=Budget(1 << 30, 1 << 30),
        device="cuda",
        precision=precision,
        n_workers=session.n_workers,
        block_bytes=BLOCK_BYTES.get(name, DEFAULT_BLOCK_BYTES),
    )
    assert plan.limits.device == "cuda"
    assert plan.task_device_bytes > 0
    assert plan.n_blocks > session.n_workers
    checked = TypeCheckedSession(session)
    with ExitStack() as stack:
        header = plan.output
        made = stack.enter_context(
            create_output(output, header.shape, header.dtype, header.order, replace=False, inputs=sources)
        )
        target = made.target.T if plan.stage.reverse else made.target
        writer = stack.enter_context(target.open()) if plan.stage.n_parts > 1 else None

        def write_result(region: Region, block: NDArray[Any]) -> None:
            assert writer is not None
            writer.write(region, block)

        work = Work(plan.stage, sources, made.target if plan.stage.n_parts == 1 else None, "torch-cpu")
        ran = run_work(work, checked, job_id=f"{name}-{output.stem}", write_result=write_result)
        made.publish()
    assert sorted(record.block for record in ran.records) == list(range(plan.n_blocks))
    assert checked.pids == {facts.pid for facts in session.facts()}
    return np.asarray(np.load(output))


@pytest.fixture
def x(tmp_path: Path) -> NDArray[np.float32]:
    array = np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32) + np.float32(0.5)
    np.save(tmp_path / "C.npy", array)
    np.save(tmp_path / "F.npy", np.asfortranarray(array))
    return array


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sums(
    session: DaskSession, tmp_path: Path, x: NDArray[np.float32], name: str, axis: int | None, order: str
) -> None:
    found = run_on_cuda_road(session, name, [tmp_path / f"{order}.npy"], tmp_path / "out.npy", axis=axis)
    wide = x.astype(np.float64)
    expected = getattr(np, name)(wide, axis=axis)
    # promised: 32 u sum |x|, and one rounding of the result
    size = np.abs(wide).sum(axis=axis) / (1 if name == "sum" else wide.size / np.size(expected))
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    assert (np.abs(found - expected) <= 32 * U * size + U * np.abs(expected)).all()


@pytest.mark.parametrize(("name", "params"), [("max", {"axis": 1}), ("argmax", {}), ("count_nonzero", {"axis": 0})])
def test_exact_reductions(
    session: DaskSession, tmp_path: Path, x: NDArray[np.float32], name: str, params: dict[str, int]
) -> None:
    found = run_on_cuda_road(session, name, [tmp_path / "C.npy"], tmp_path / "out.npy", **params)
    np.testing.assert_array_equal(found, getattr(np, name)(x, **params))


@pytest.mark.parametrize("precision", ["standard", "strict"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_products(
    session: DaskSession, tmp_path: Path, x: NDArray[np.float32], order: str, precision: Precision
) -> None:
    paths = [tmp_path / f"{order}.npy", tmp_path / "C.npy"]
    found = run_on_cuda_road(session, "matmul", paths, tmp_path / "out.npy", precision, transpose_b=True)
    wide = x.astype(np.float64)
    u, k = (U if precision == "standard" else 2.0**-53), SHAPE[1]
    exact = wide @ wide.T
    # Higham (2002), equation 3.13, and one rounding of the result
    bound = k * u / (1 - k * u) * (np.abs(wide) @ np.abs(wide).T) + U * np.abs(exact)
    # the comparison is itself computed in float64
    assert (np.abs(found - exact) <= bound * (1 + k * 2.0**-52)).all()


def test_half_precision_product(session: DaskSession, tmp_path: Path) -> None:
    x = np.random.default_rng(1).integers(-3, 4, (700, 200)).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    paths = [tmp_path / "x.npy"] * 2
    found = run_on_cuda_road(session, "matmul", paths, tmp_path / "out.npy", transpose_b=True)
    # small integers: exact in float16, so equal
    exact = x.astype(np.float64) @ x.astype(np.float64).T
    assert np.abs(exact).max() <= 2048
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, exact)


def test_expression(session: DaskSession, tmp_path: Path, x: NDArray[np.float32]) -> None:
    found = run_on_cuda_road(session, "map", [tmp_path / "C.npy"], tmp_path / "out.npy", expr="(x - 3) * 2")
    np.testing.assert_array_equal(found, (x - np.float32(3)) * np.float32(2))

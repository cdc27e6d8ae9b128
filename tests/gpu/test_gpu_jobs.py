"""Products and reductions on real GPUs, by the Python interface: inside derived bounds, and close to the CPU's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integration.commands import TIMEOUT_S, digest
from numpy.typing import NDArray

from arraymill.cluster.config import ClusterConfig, Precision
from arraymill.cluster.session import Session, open_cluster
from arraymill.jobs.api import run

pytestmark = pytest.mark.gpu

# A process of its own: CUDA that was woken in this one would be in the way of the cluster. One for all tests: to import
# torch and wake CUDA takes it seconds.
INLINE = """
import json, sys, traceback
from arraymill.jobs.api import run
for line in sys.stdin:
    name, inputs, keywords = json.loads(line)
    said = ""
    try:
        run(name, *inputs, cluster="inline", device="cuda", **keywords)
    except BaseException:
        said = traceback.format_exc()
    print(json.dumps(said), flush=True)
"""

M, K, N = 2500, 1300, 1700
# Unit roundoffs. Operands of fast float32 products are rounded to TF32, which keeps 10 bits after the point.
U16, U32, U64, U_TF32 = 2.0**-11, 2.0**-24, 2.0**-53, 2.0**-11


@pytest.fixture(scope="module", params=["standard", "fast"])
def cluster(request: pytest.FixtureRequest) -> Iterator[tuple[Precision, Session]]:
    precision: Precision = request.param
    with open_cluster(ClusterConfig("cuda", precision=precision)) as session:
        assert all(facts.device == "cuda" and facts.device_uuid for facts in session.facts())
        yield precision, session


@pytest.fixture(scope="module")
def inline() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", INLINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@dataclass(frozen=True)
class Places:
    """Where the same job runs: on a cluster of GPUs, on the GPU of one process, on the CPU."""

    session: Session
    precision: Precision
    inline: subprocess.Popen[str]

    def run_everywhere(
        self, folder: Path, name: str, *inputs: Path, **params: Any
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the result on GPUs, the same bytes inline and on the cluster, and the result on the CPU."""
        on_cluster, inline, on_cpu = (folder / f"{place}.npy" for place in ("cluster", "inline", "cpu"))
        params["precision"] = self.precision
        run(name, *inputs, output=on_cluster, cluster=self.session, **params)
        self._run_inline(name, [*map(str, inputs)], params | {"output": str(inline)})
        assert digest(on_cluster) == digest(inline)
        run(name, *inputs, output=on_cpu, cluster="inline", device="cpu", **params)
        return np.load(on_cluster), np.load(on_cpu)

    def _run_inline(self, name: str, inputs: list[str], keywords: dict[str, Any]) -> None:
        assert self.inline.stdin is not None
        assert self.inline.stdout is not None
        hangs = threading.Timer(TIMEOUT_S, self.inline.kill)
        hangs.start()
        try:
            self.inline.stdin.write(json.dumps([name, inputs, keywords]) + "\n")
            self.inline.stdin.flush()
            said = self.inline.stdout.readline()
        finally:
            hangs.cancel()
        assert said, "the process ended"
        assert json.loads(said) == ""


@pytest.fixture
def places(cluster: tuple[Precision, Session], inline: subprocess.Popen[str]) -> Places:
    precision, session = cluster
    return Places(session, precision, inline)


def product_bound(a: NDArray[Any], b: NDArray[Any], exact: NDArray[Any], precision: Precision) -> NDArray[Any]:
    """Return what a product on a GPU may be off by, element by element.

    Higham (2002), equation 3.13, for sums in the accumulator's arithmetic, in any order; twice its roundoff, because
    tensor cores cut off where others round; TF32 rounds each operand before; and the result is rounded once.
    """
    dtype = a.dtype
    u = U64 if dtype == np.float64 else U32
    result = {"f2": U16, "f4": U32, "f8": U64}[dtype.str[1:]]
    gamma = 2 * K * u / (1 - 2 * K * u)
    operands = 2 * U_TF32 + U_TF32**2 if precision == "fast" and dtype == np.float32 else 0.0
    size = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    return np.asarray((gamma + operands * (1 + gamma)) * size * (1 + result) + result * np.abs(exact))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("transposed", [False, True], ids=["plain", "transposed"])
def test_product(tmp_path: Path, places: Places, dtype: type, transposed: bool) -> None:
    generator = np.random.default_rng(0)
    a, b = (generator.uniform(-1, 1, shape).astype(dtype) for shape in ((M, K), (K, N)))
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", np.ascontiguousarray(b.T) if transposed else b)
    files = (tmp_path / "a.npy", tmp_path / "b.npy")
    on_gpu, on_cpu = places.run_everywhere(tmp_path, "matmul", *files, transpose_b=transposed)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = product_bound(a, b, exact, places.precision)
    # for float64 the expected product is itself off by as much
    bound *= 2 if dtype is np.float64 else 1
    assert (on_gpu.dtype, on_gpu.shape) == (np.dtype(dtype), (M, N))
    assert (np.abs(on_gpu - exact) <= bound).all()
    assert (np.abs(on_gpu.astype(np.float64) - on_cpu) <= 2 * bound).all()


def test_tf32_is_used_for_fast_products_and_for_no_others(tmp_path: Path, cluster: tuple[Precision, Session]) -> None:
    precision, session = cluster
    # 1 + 2^-12 is a float32 and no TF32: rounded to TF32 it is 1
    a = np.full((1024, 1024), 1 + 2.0**-12, np.float32)
    np.save(tmp_path / "a.npy", a)
    path = run("matmul", *[tmp_path / "a.npy"] * 2, output=tmp_path / "c.npy", cluster=session, precision=precision)
    exact = 1024 * (1 + 2.0**-12) ** 2
    is_rounded = np.abs(np.load(path) - exact).max() > 1024 * 2.0**-13
    capability = session.submit(compute_capability, key=f"capability-{precision}")
    session.wait([capability], TIMEOUT_S)
    assert is_rounded == (precision == "fast" and capability.result() >= (8, 0))


def compute_capability() -> tuple[int, int]:
    import torch

    major, minor = torch.cuda.get_device_capability(0)
    return int(major), int(minor)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_sums(tmp_path: Path, places: Places, name: str, axis: int | None) -> None:
    x = np.random.default_rng(1).standard_normal((40_000, 900), dtype=np.float32) + np.float32(0.5)
    np.save(tmp_path / "x.npy", x)
    on_gpu, on_cpu = places.run_everywhere(tmp_path, name, tmp_path / "x.npy", axis=axis)
    wide = x.astype(np.float64)
    expected = getattr(np, name)(wide, axis=axis)
    size = np.abs(wide).sum(axis=axis) / (1 if name == "sum" else wide.size / np.size(expected))
    # promised of sums of float32: 32 u sum |x|; and one rounding of the result
    bound = 32 * U32 * size + U32 * np.abs(expected)
    assert (np.abs(on_gpu - expected) <= bound).all()
    assert (np.abs(on_gpu.astype(np.float64) - on_cpu) <= 2 * bound).all()


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("name", ["max", "argmin", "count_nonzero", "any"])
def test_exact_reductions(tmp_path: Path, places: Places, name: str, axis: int | None) -> None:
    x = np.random.default_rng(2).integers(-100, 100, (9000, 700)).astype(np.float32)
    x[x == 17] = np.nan if name in ("max", "argmin") and axis == 0 else 17
    np.save(tmp_path / "x.npy", x)
    on_gpu, on_cpu = places.run_everywhere(tmp_path, name, tmp_path / "x.npy", axis=axis)
    np.testing.assert_array_equal(on_gpu, getattr(np, name)(x, axis=axis))
    np.testing.assert_array_equal(on_gpu, on_cpu)


def test_product_of_integers_is_exact(tmp_path: Path, places: Places) -> None:
    a = np.random.default_rng(3).integers(-(2**20), 2**20, (600, 500))
    np.save(tmp_path / "a.npy", a)
    on_gpu, on_cpu = places.run_everywhere(tmp_path, "matmul", *[tmp_path / "a.npy"] * 2, transpose_b=True)
    np.testing.assert_array_equal(on_gpu, a @ a.T)
    np.testing.assert_array_equal(on_gpu, on_cpu)


def test_result_that_is_asked_for_as_an_array(cluster: tuple[Precision, Session]) -> None:
    """Arrays of this process reach the workers, and the result comes back, without a file that is named."""
    precision, session = cluster
    x = np.arange(1.0, 25.0).reshape(4, 6)
    x.setflags(write=False)
    assert run("sum", x[:, ::-1], axis=1, cluster=session, precision=precision).tolist() == [21.0, 57.0, 93.0, 129.0]

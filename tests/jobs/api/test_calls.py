"""Facts of `run` and `plan`: arrays and files in and out, and the user's arrays as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterError
from arraymill.cluster.inline import InlineSession
from arraymill.jobs.api import plan, plan_spec, run_spec
from arraymill.jobs.api import run as run_job
from arraymill.jobs.errors import CannotFitError, InputError, JobError, OutputError, SpecError
from arraymill.jobs.spec.job_spec import JobSpec

X = np.arange(24.0).reshape(4, 6)


def run(*args: Any, **settings: Any) -> Any:
    """Call `run`, whose result is an array or a path."""
    return run_job(*args, **settings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


def layouts() -> dict[str, NDArray[Any]]:
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = np.zeros((8, 12))
    wide[::2, ::2] = X
    return {
        "as it is": X.copy(),
        "read-only": read_only,
        "negative strides": X[::-1, ::-1].copy()[::-1, ::-1],
        "big-endian": X.astype(">f8"),
        "Fortran order": np.asfortranarray(X),
        "every other": wide[::2, ::2],
        "a broadcast": np.broadcast_to(X, (4, 6)),
    }


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("sum", {"axis": 0}, X.sum(axis=0)),
        ("std", {"axis": 1, "ddof": 1}, X.std(axis=1, ddof=1)),
        ("argmax", {}, np.argmax(X)),
        ("map", {"expr": "x * 2 - 1"}, X * 2 - 1),
        ("norm", {}, np.linalg.norm(X)),
    ],
)
def test_an_array_of_any_layout_is_read_and_never_written(
    layout: str, name: str, params: dict[str, Any], expected: Any
) -> None:
    x = layouts()[layout]
    before = (x.tobytes(), x.strides, x.flags.writeable, x.dtype.str)
    result = run(name, x, **params)
    assert (x.tobytes(), x.strides, x.flags.writeable, x.dtype.str) == before
    np.testing.assert_allclose(result, expected, rtol=200 * 2.0**-53)


@pytest.mark.parametrize("layout", layouts())
def test_a_product_takes_any_layout(layout: str) -> None:
    x = layouts()[layout]
    assert np.array_equal(run("matmul", x, x, transpose_b=True), X @ X.T)


def test_a_result_does_not_share_memory_with_an_input() -> None:
    x = X.copy()
    for name, params in (("map", {"expr": "x + 0"}), ("sum", {"axis": ()}), ("max", {"axis": ()})):
        assert not np.may_share_memory(np.asarray(run(name, x, **params)), x)


def test_a_result_without_axes_is_a_numpy_scalar() -> None:
    total = run("sum", X)
    assert isinstance(total, np.float64)
    assert run("sum", X, keepdims=True).shape == (1, 1)


def test_a_file_in_and_a_file_out(path: Path, tmp_path: Path) -> None:
    written = run("sum", path, axis=1, output=tmp_path / "y.npy")
    assert written == tmp_path / "y.npy"
    assert np.array_equal(np.load(tmp_path / "y.npy"), X.sum(axis=1))


def test_a_file_and_an_array_together(path: Path) -> None:
    assert np.array_equal(run("matmul", path, X.T.copy()), X @ X.T)
    assert np.array_equal(run("matmul", str(path), X.T), X @ X.T)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_file_keeps_its_order(tmp_path: Path, order: Any) -> None:
    np.save(tmp_path / "x.npy", np.asarray(X, order=order))
    run("map", tmp_path / "x.npy", expr="-x", output=tmp_path / "y.npy")
    y = np.load(tmp_path / "y.npy")
    assert np.array_equal(y, -X)
    assert y.flags.f_contiguous == (order == "F")


def test_an_output_that_exists_stays_unless_it_may_be_replaced(path: Path, tmp_path: Path) -> None:
    output = tmp_path / "y.npy"
    np.save(output, np.zeros(3))
    with pytest.raises(OutputError):
        run("sum", path, axis=0, output=output)
    assert np.load(output).tolist() == [0, 0, 0]
    run("sum", path, axis=0, output=output, replace=True)
    assert np.array_equal(np.load(output), X.sum(axis=0))


@pytest.mark.parametrize("replace", [False, True])
def test_an_input_is_never_the_output(path: Path, tmp_path: Path, replace: bool) -> None:
    (tmp_path / "link.npy").symlink_to(path)
    for output in (path, tmp_path / "link.npy"):
        with pytest.raises(OutputError):
            run("map", path, expr="x + 1", output=output, replace=replace)
    assert np.array_equal(np.load(path), X)


def test_a_failed_job_leaves_no_output(tmp_path: Path) -> None:
    x = np.full((3, 2), np.nan)
    with pytest.raises(SpecError, match="All-NaN slice"):
        run("nanargmax", x, axis=1, output=tmp_path / "y.npy")
    assert list(tmp_path.iterdir()) == []


def test_a_result_of_an_empty_array_is_written(tmp_path: Path) -> None:
    run("sum", np.zeros((0, 3)), axis=0, output=tmp_path / "y.npy")
    assert np.load(tmp_path / "y.npy").tolist() == [0, 0, 0]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_workers_do_not_change_the_answer(n_workers: int) -> None:
    x = np.random.default_rng(0).standard_normal(100_000)
    assert run("sum", x, workers=n_workers) == run("sum", x)


def test_an_open_session_is_used_and_stays_open() -> None:
    with InlineSession(ClusterConfig("inline", workers=2)) as session:
        for _ in range(2):
            assert run("sum", X, cluster=session) == X.sum()


def test_a_name_of_a_cluster_is_taken() -> None:
    assert run("sum", X, cluster="inline") == X.sum()


def test_settings_are_not_parameters() -> None:
    made = plan("sum", X, memory="1GB", precision="strict", workers=3, axis=0)
    assert (made.budget.host_bytes, made.limits.precision, made.n_workers) == (10**9, "strict", 3)


def test_a_name_is_the_jobs_and_is_checked() -> None:
    assert run("sum", X, name="sum-of.x_1") == X.sum()
    for call in (run, plan):
        with pytest.raises(SpecError, match="name is 'two words', not letters"):
            call("sum", X, name="two words")


def test_a_plan_computes_nothing(path: Path) -> None:
    made = plan("matmul", path, path, transpose_b=True)
    assert (made.output.shape, made.output.dtype.name) == ((4, 4), "float64")
    assert plan_spec(JobSpec(op="sum", inputs=[str(path)])).output.shape == ()  # type: ignore[arg-type]


def test_an_outcome_says_where_it_ran_and_what_was_moved(path: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    spec = JobSpec(op="sum", inputs=[str(path)], params={"axis": 0}, output=str(tmp_path / "y.npy"))  # type: ignore[arg-type]
    outcome = run_spec(spec, on_plan=lambda plan, place: seen.append(place), on_progress=seen.append)
    assert outcome.path == tmp_path / "y.npy"
    assert outcome.value is None
    assert (outcome.place.kind, seen[0]) == ("inline", outcome.place)
    assert seen[-1].done_blocks == len(outcome.records) == outcome.plan.n_blocks
    assert sum(record.bytes_read for record in outcome.records) == X.nbytes


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (SpecError, lambda: run("summ", X)),
        (SpecError, lambda: run("sum", X, axis=2)),
        (SpecError, lambda: run("sum", X, axes=0)),
        (SpecError, lambda: run("sum", X, X)),
        (SpecError, lambda: run("sum", X, precision="exact")),
        (SpecError, lambda: run("sum", X, memory="lots")),
        (InputError, lambda: run("sum", "/nowhere/x.npy")),
        (InputError, lambda: run("sum", np.array(["a"]))),
        (CannotFitError, lambda: run("sum", X, memory="1MB")),
        (OutputError, lambda: run("sum", X, output="/nowhere/y.npy")),
    ],
)
def test_what_cannot_be_done_is_said_before_it_starts(error: type[JobError], call: Any) -> None:
    with pytest.raises(error) as caught:
        call()
    assert caught.value.exit_code > 1
    assert caught.value.next


def test_no_gpu_is_an_error_never_the_cpu() -> None:
    with pytest.raises(ClusterError):
        run("sum", X, device="cuda", cluster="inline", gpus=["GPU-no-such-uuid"])


@pytest.mark.parametrize("item", [[1.0, 2.0], 3.0], ids=["a list", "a number"])
def test_what_is_no_array_is_refused_with_a_reason(item: Any) -> None:
    with pytest.raises(JobError):
        run("sum", item)


def test_an_array_is_made_of_no_input(tmp_path: Path) -> None:
    np.testing.assert_array_equal(run("arange", stop=5), np.arange(5), strict=True)
    assert plan("rand", shape=(1000, 10), seed=1).read_bytes == 0
    path = run("full", shape=(2, 3), value=float("nan"), output=tmp_path / "nan.npy")
    assert np.isnan(np.load(path)).all()
    with pytest.raises(SpecError, match="takes 0 input"):
        run("rand", X, shape=4, seed=1)

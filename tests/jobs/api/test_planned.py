"""Facts of planned jobs: what was measured makes seconds and chooses a place; it changes no block, tile or bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arraymill.cluster.errors import NoGpuError
from arraymill.cluster.nvml import Gpu
from arraymill.jobs.api import calibration, planned, resources
from arraymill.jobs.job import Job, open_job
from arraymill.jobs.limits import DeviceKind
from arraymill.jobs.plans.record import plan_record
from arraymill.jobs.rates.calibration import Calibration
from arraymill.jobs.spec.job_spec import JobSpec

GPU = Gpu(0, "GPU-1", "NVIDIA H100", 80_000_000_000, 79_000_000_000, (9, 0))
PREDICTIONS = {"seconds", "predicted_s", "edges_s", "least_s", "rates", "place"}
ANY_RATE = st.none() | st.floats() | st.sampled_from([0.0, -1.0, 1e-300, 1e300, float("inf"), float("nan"), 1.0, 1e18])
KINDS = ("f4", "f8", "tf32", "fp16", "bf16")


def calibrated(device: DeviceKind, **rates: Any) -> Calibration:
    return Calibration(device, 1.8e9, 1.1, 1.0, 2, "/", **rates)


@st.composite
def absurd(draw: st.DrawFn, device: DeviceKind) -> Calibration:
    names = ("read", "most_read", "map_read", "map_write", "durable_write", "to_device", "from_device")
    return calibrated(
        device,
        **{name: draw(ANY_RATE) for name in names},
        writes={n: rate for n in (1, 2, 4) if (rate := draw(ANY_RATE)) is not None},
        flops={kind: rate for kind in KINDS if (rate := draw(ANY_RATE)) is not None},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    generator = np.random.default_rng(0)
    for name, shape in {"x": (3000, 40), "a": (700, 300), "b": (300, 900)}.items():
        np.save(folder / f"{name}.npy", generator.standard_normal(shape, np.float32))
    return folder


def job_of(folder: Path, op: str, device: str = "cpu", precision: str = "standard", **spec: Any) -> Job:
    names = {"matmul": ["a", "b"]}.get(op, ["x"])
    compute = {"device": device, "precision": precision, "block": 100_000}
    return open_job(JobSpec(op=op, inputs=[str(folder / f"{name}.npy") for name in names], compute=compute, **spec))


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (planned, calibration):
        monkeypatch.setattr(module, "gpus", lambda: (GPU,))
    monkeypatch.setattr(resources, "select_gpus", lambda request: (GPU,))


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let calibrations be known."""

    def tell(*found: Calibration) -> None:
        by_device = {one.device: one for one in found}
        monkeypatch.setattr(calibration, "known_calibration", by_device.get)

    return tell


def essence(job: Job) -> dict[str, Any]:
    """Return what the bits of an answer depend on."""
    record = plan_record(*planned.plan_of(job), {})
    return {name: value for name, value in record.items() if name not in PREDICTIONS}


@pytest.mark.parametrize("op", ["sum", "var", "matmul"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_calibration_changes_blocks_or_tiles(
    folder: Path, with_gpu: None, knows: Callable[..., None], op: str, device: DeviceKind, data: st.DataObject
) -> None:
    precision = data.draw(st.sampled_from(["strict", "standard", "fast"]))
    job = job_of(folder, op, device, precision)
    knows()
    before = essence(job)
    knows(data.draw(absurd(device)))
    assert essence(job) == before


def test_measured_rates_make_the_seconds(folder: Path, knows: Callable[..., None]) -> None:
    job = job_of(folder, "sum", cluster={"kind": "inline", "workers": 1})
    knows(calibrated("cpu", read=48e4, most_read=48e4, flops={"f4": 1e11, "f8": 1e11}))
    plan, place = planned.plan_of(job)
    assert plan.seconds["read"] == pytest.approx(1.0)
    assert plan.is_measured
    assert place.rates is not None
    assert place.rates.read == 48e4


@pytest.mark.parametrize("kind", ["auto", "inline"])
def test_who_names_gpus_gets_no_cpu(folder: Path, kind: str) -> None:
    with pytest.raises(NoGpuError):
        planned.plan_of(job_of(folder, "sum", "auto", cluster={"kind": kind, "gpus": ["GPU-no-such-uuid"]}))


def test_a_plan_counts_the_workers_that_fit(folder: Path) -> None:
    spec = {"memory": {"host": "160MB"}, "cluster": {"kind": "local"}}
    one, place = planned.plan_of(job_of(folder, "sum", **spec))
    assert (one.n_workers, place.kind) == (1, "local")
    many, _ = planned.plan_of(job_of(folder, "sum", memory={"host": "160MB"}, cluster={"kind": "inline", "workers": 2}))
    assert (many.n_workers, many.stage) == (2, one.stage)


def test_without_a_calibration_rates_are_nominal(folder: Path, knows: Callable[..., None]) -> None:
    knows()
    assert not planned.plan_of(job_of(folder, "sum"))[0].is_measured


@pytest.mark.parametrize(("read", "kind"), [(48e9, "inline"), (48e2, "local")])
def test_measured_rates_choose_between_this_process_and_workers(
    folder: Path, knows: Callable[..., None], read: float, kind: str
) -> None:
    knows(calibrated("cpu", read=read, most_read=read, flops={"f4": 1e11, "f8": 1e11}))
    assert planned.plan_of(job_of(folder, "sum"))[1].kind == kind


def test_a_slow_link_keeps_a_job_on_the_cpu(folder: Path, with_gpu: None, knows: Callable[..., None]) -> None:
    flops = dict.fromkeys(KINDS, 1e6)
    slow = {"read": 1e5, "most_read": 1e5, "flops": flops}
    knows(calibrated("cpu", **slow), calibrated("cuda", **slow, to_device=1e2, from_device=1e2))
    plan, place = planned.plan_of(job_of(folder, "sum", "auto"))
    assert (plan.limits.device, plan.is_measured) == ("cpu", True)
    assert "done before the link to a GPU could deliver" in place.reason
    assert place.reason.endswith("at measured rates")


def test_writing_elsewhere_is_predicted_at_nominal_rates(
    folder: Path, tmp_path: Path, knows: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(folder, "map", params={"expr": "x + 1"}, output=str(tmp_path / "y.npy"))
    knows(calibrated("cpu", writes={1: 5e6}, durable_write=4e6))
    for is_same, rate in ((True, 4e6), (False, 1.5e9)):
        monkeypatch.setattr(calibration, "_is_same_disk", lambda measured, wanted, is_same=is_same: is_same)
        assert calibration.rates_for(job, "cpu")(np.dtype("f4")).most_write == rate


def test_the_disk_of_a_folder_that_is_gone_is_that_above_it(tmp_path: Path) -> None:
    assert calibration._is_same_disk(tmp_path / "gone" / "too", tmp_path)
    assert not calibration._is_same_disk(Path("/proc/self"), tmp_path)

"""Facts of calibrating: each rate lands in its place, and what cannot be measured is left out and said."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arraymill.jobs.gauges import calibrate, cuda, files, products, scratch, tries

RATES = {
    "read_rate": 1e9,
    "map_read_rate": 2e9,
    "write_rate": 3e9,
    "map_write_rate": 4e9,
    "durable_rate": 5e8,
}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Rates that are told, by gauge; what is an error is raised."""
    told: dict[str, Any] = dict(RATES)

    def gauge(name: str) -> Callable[..., float]:
        def measure(*args: Any, n_readers: int = 1, n_writers: int = 1, **rest: Any) -> float:
            if isinstance(told[name], Exception):
                raise told[name]
            return float(told[name] * n_readers * n_writers)

        return measure

    for name in RATES:
        monkeypatch.setattr(files, name, gauge(name))
    monkeypatch.setattr(files, "fill", lambda descriptor, slice_s: 1 << 20)

    def rate(self: products.CpuProducts, code: str, slice_s: float) -> float:
        self.share = 0.97
        return 1e11 if code == "f4" else 5e10

    monkeypatch.setattr(products.CpuProducts, "rate", rate)
    return told


def test_each_rate_lands_in_its_place(tmp_path: Path, fake: dict[str, Any]) -> None:
    found = calibrate("cpu", tmp_path, n_cores=3)
    assert (found.device, found.n_cores, found.folder, found.share) == ("cpu", 3, str(tmp_path), 0.97)
    assert (found.read, found.most_read, found.map_read) == (1e9, 3e9, 2e9)
    assert (dict(found.writes), found.map_write, found.durable_write) == ({1: 3e9, 2: 6e9, 4: 12e9}, 4e9, 5e8)
    assert dict(found.flops) == {"f4": 1e11, "f8": 5e10}
    assert (found.to_device, found.from_device, found.problems) == (None, None, ())


@pytest.mark.parametrize("name", RATES)
def test_a_gauge_that_fails_is_left_out(tmp_path: Path, fake: dict[str, Any], name: str) -> None:
    fake[name] = RuntimeError("broken")
    found = calibrate("cpu", tmp_path, n_cores=1)
    assert all(problem.endswith(": broken") for problem in found.problems)
    assert found.problems
    assert found.flops["f4"] == 1e11


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_rate_that_is_none_is_left_out(tmp_path: Path, fake: dict[str, Any], rate: float) -> None:
    fake["durable_rate"] = rate
    assert calibrate("cpu", tmp_path, n_cores=1).durable_write is None


@pytest.mark.parametrize("shares", [(0.95, 0.4), (0.4, 0.95)])
def test_disturbance_counts_whenever_it_was(
    tmp_path: Path, fake: dict[str, Any], monkeypatch: pytest.MonkeyPatch, shares: tuple[float, float]
) -> None:
    seen: list[products.CpuProducts] = []

    def rate(self: products.CpuProducts, code: str, slice_s: float) -> float:
        if not any(other is self for other in seen):
            seen.append(self)
        self.share = shares[len(seen) - 1]
        return 1e11

    monkeypatch.setattr(products.CpuProducts, "rate", rate)
    assert calibrate("cpu", tmp_path, n_cores=1).share == 0.4


def test_all_readers_are_not_slower_than_one(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(files, "read_rate", lambda *args, n_readers, **rest: 9e9 / n_readers)
    found = calibrate("cpu", tmp_path, n_cores=4)
    assert (found.read, found.most_read) == (9e9, 9e9)


@pytest.mark.parametrize("folder", ["/no/such/folder", "/proc", "/dev/null"])
def test_a_folder_that_cannot_be_written_costs_the_files_alone(fake: dict[str, Any], folder: str) -> None:
    found = calibrate("cpu", Path(folder), n_cores=1)
    assert (found.read, dict(found.writes), found.flops["f4"]) == (None, {}, 1e11)
    assert found.problems[0].startswith("files: ")


def test_a_nearly_full_disk_is_left_alone(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(scratch.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 100 << 20}))
    found = calibrate("cpu", tmp_path, n_cores=1)
    assert found.read is None
    assert "100 MiB free" in found.problems[0]


def test_without_a_gpu_there_are_no_rates_of_one(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    def refuse() -> None:
        raise RuntimeError("no CUDA device")

    monkeypatch.setattr(cuda, "wake_cuda", refuse)
    found = calibrate("cuda", tmp_path, n_cores=1)
    assert (dict(found.flops), found.to_device, found.read) == ({}, None, 1e9)
    assert found.problems == ("GPU: no CUDA device",)


def test_a_gauge_of_a_gpu_that_fails_is_left_out(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    def refuse(*args: Any) -> float:
        raise RuntimeError("no kernel for it")

    monkeypatch.setattr(cuda, "wake_cuda", lambda: None)
    for name in ("cuda_product_rate", "to_device_rate", "from_device_rate"):
        monkeypatch.setattr(cuda, name, refuse)
    found = calibrate("cuda", tmp_path, n_cores=1)
    assert (dict(found.flops), found.to_device, found.read) == ({}, None, 1e9)
    assert "product f4: no kernel for it" in found.problems


def test_waking_a_gpu_takes_no_time_from_its_gauges(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    module = sys.modules["arraymill.jobs.gauges.calibrate"]
    now_s = [0.0]

    def wake() -> None:
        now_s[0] += 20.0

    monkeypatch.setattr(module, "Slices", lambda total_s: tries.Slices(total_s, clock=lambda: now_s[0]))
    monkeypatch.setattr(cuda, "wake_cuda", wake)
    for name in ("cuda_product_rate", "to_device_rate", "from_device_rate"):
        monkeypatch.setattr(cuda, name, lambda *args: 1e12)
    found = calibrate("cuda", tmp_path, n_cores=1)
    assert (set(found.flops), found.to_device, found.problems) == (set(cuda.CUDA_KINDS), 1e12, ())


def test_gauges_that_have_no_time_left_are_left_out(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    # the package's attribute of that name is the function
    module = sys.modules["arraymill.jobs.gauges.calibrate"]
    ticks = iter(range(1000))
    monkeypatch.setattr(module, "Slices", lambda total_s: tries.Slices(total_s, clock=lambda: float(next(ticks))))
    found = calibrate("cpu", tmp_path, n_cores=1)
    assert found.durable_write is None
    assert "write to the disk: no time was left" in found.problems


def test_a_folder_with_a_long_name_is_told_by_its_end(tmp_path: Path, fake: dict[str, Any]) -> None:
    deep = tmp_path.joinpath(*["d" * 100] * 4)
    deep.mkdir(parents=True)
    assert str(deep).endswith(calibrate("cpu", deep, n_cores=1).folder)
    assert len(calibrate("cpu", deep, n_cores=1).folder) == 300


def test_nothing_is_left_after_an_error(tmp_path: Path, fake: dict[str, Any]) -> None:
    fake["read_rate"] = OSError(errno.EIO, "Input/output error")
    calibrate("cpu", tmp_path, n_cores=1)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_where_it_is_interrupted(tmp_path: Path, fake: dict[str, Any], monkeypatch: Any) -> None:
    def interrupt(*args: Any, **rest: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_rate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        calibrate("cpu", tmp_path, n_cores=1)
    assert list(tmp_path.iterdir()) == []

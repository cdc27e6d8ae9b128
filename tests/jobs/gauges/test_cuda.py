"""Facts of the GPU's gauges, on a torch that only pretends: flags, sizes, events, and memory given back.

What a real GPU reaches is for the tests marked `gpu`.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch as real_torch

from arraymill.jobs.gauges import calibrate, cuda

FLAGS = ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction")


class FakeEvent:
    """Tells how long what was done between two records would take."""

    def __init__(self, torch: FakeTorch, **options: bool) -> None:
        assert options == {"enable_timing": True, "blocking": True}
        self._torch, self._log = torch, torch.log

    def record(self) -> None:
        self._log.append("record")

    def synchronize(self) -> None:
        self._log.append("synchronize")

    def elapsed_time(self, ended: FakeEvent) -> float:
        return self._torch.last_s * 1e3


class FakeTorch:
    """Stands for torch with a GPU."""

    def __init__(self, *, has_new_names: bool = True, free_bytes: int = 64 << 30, flops: float = 1e15) -> None:
        self.flops, self.last_s = flops, 0.5
        self.log: list[str] = []
        self.flags_in_products: list[tuple[object, ...]] = []
        names = {"fp32_precision": "none"} if has_new_names else {"allow_tf32": "kept"}
        self.matmul = SimpleNamespace(**dict.fromkeys(FLAGS, True), **names)
        self.backends = SimpleNamespace(
            cuda=SimpleNamespace(matmul=self.matmul),
            cudnn=SimpleNamespace(conv=None) if has_new_names else SimpleNamespace(),
        )
        self.cuda = SimpleNamespace(
            Event=lambda **options: FakeEvent(self, **options),
            init=lambda: self.log.append("init"),
            mem_get_info=lambda: (free_bytes, 1 << 40),
            empty_cache=lambda: self.log.append("empty_cache"),
            reset_peak_memory_stats=lambda: self.log.append("reset_peak"),
        )
        self.float32, self.float64 = real_torch.float32, real_torch.float64
        self.float16, self.bfloat16, self.uint8 = real_torch.float16, real_torch.bfloat16, real_torch.uint8

    def rand(self, rows: int, columns: int, *, device: str) -> Any:
        assert device == "cuda:0"
        return FakeTensor((rows, columns), real_torch.float32)

    def empty_like(self, other: Any) -> Any:
        return other

    def empty(self, *shape: int, **options: Any) -> Any:
        return FakeTensor(shape, options.get("dtype"), self.log)

    def mm(self, a: Any, b: Any, *, out: Any) -> None:
        self.log.append(f"mm {a.shape[0]} {str(a.dtype).removeprefix('torch.')}")
        self.last_s = 2.0 * a.shape[0] ** 3 / self.flops
        self.flags_in_products.append(tuple(vars(self.matmul).values()))


class FakeTensor:
    """A shape, a dtype, and copies that are noted."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, log: list[str] | None = None) -> None:
        self.shape, self.dtype, self._log = shape, dtype, log

    def to(self, dtype: Any) -> FakeTensor:
        return FakeTensor(self.shape, dtype, self._log)

    def copy_(self, source: FakeTensor, *, non_blocking: bool) -> None:
        assert non_blocking
        assert self._log is not None
        self._log.append("copy")


@pytest.fixture(params=[True, False], ids=["new names", "old names"])
def fake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeTorch:
    torch = FakeTorch(has_new_names=request.param)
    monkeypatch.setattr(cuda, "torch", torch)
    return torch


def sides(log: list[str]) -> list[int]:
    """Return the sides of the products, each once."""
    return sorted({int(line.split()[1]) for line in log if line.startswith("mm")})


@pytest.mark.parametrize(
    ("kind", "dtype", "largest"),
    [
        ("f4", "float32", 4096),
        ("f8", "float64", 4096),
        ("tf32", "float32", 8192),
        ("fp16", "float16", 8192),
        ("bf16", "bfloat16", 8192),
    ],
)
def test_products_grow_and_are_timed_by_events(fake: FakeTorch, kind: str, dtype: str, largest: int) -> None:
    assert cuda.cuda_product_rate(kind, 0.05) == pytest.approx(1e15)
    assert fake.log[:4] == ["record", f"mm 1024 {dtype}", "record", "synchronize"]
    assert sides(fake.log) == [side for side in (1024, 2048, 4096, 8192) if side <= largest]
    assert fake.log.count("empty_cache") == len(sides(fake.log))


def test_a_slow_arithmetic_is_measured_with_small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = FakeTorch(flops=2.5e11)
    monkeypatch.setattr(cuda, "torch", torch)
    assert cuda.cuda_product_rate("f8", 0.05) == pytest.approx(2.5e11)
    assert sides(torch.log) == [1024]


@pytest.mark.parametrize("kind", cuda.CUDA_KINDS)
def test_flags_are_a_jobs_while_it_is_measured_and_put_back(fake: FakeTorch, kind: str) -> None:
    before = dict(vars(fake.matmul))
    cuda.cuda_product_rate(kind, 0.05)
    assert vars(fake.matmul) == before
    has_new_names = hasattr(fake.backends.cudnn, "conv")
    allowed = ("tf32" if kind == "tf32" else "ieee") if has_new_names else kind == "tf32"
    assert set(fake.flags_in_products) == {(False, False, allowed)}


def test_flags_and_memory_are_put_back_after_an_error(fake: FakeTorch, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("CUDA out of memory")

    before = dict(vars(fake.matmul))
    monkeypatch.setattr(fake, "mm", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        cuda.cuda_product_rate("tf32", 0.0)
    assert vars(fake.matmul) == before
    assert fake.log[-2:] == ["empty_cache", "reset_peak"]


def test_a_full_gpu_is_measured_with_small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = FakeTorch(free_bytes=200 << 20)
    monkeypatch.setattr(cuda, "torch", torch)
    cuda.cuda_product_rate("f8", 0.05)
    assert sides(torch.log) == [1024, 2048]


def test_the_link_is_measured_each_way(fake: FakeTorch) -> None:
    assert cuda.to_device_rate(0.0) == cuda.from_device_rate(0.0) == (64 << 20) / 0.5
    assert fake.log.count("copy") == 6


def test_it_is_woken_by_a_little_of_all_that_is_measured(fake: FakeTorch) -> None:
    before = dict(vars(fake.matmul))
    cuda.wake_cuda()
    assert fake.log[0] == "init"
    assert sides(fake.log) == [1024]
    dtypes = {line.split()[2] for line in fake.log if line.startswith("mm")}
    assert dtypes == {"float32", "float64", "float16", "bfloat16"}
    assert vars(fake.matmul) == before


def test_a_gpus_rates_land_in_their_places(fake: FakeTorch, tmp_path: Path) -> None:
    found = calibrate("cuda", tmp_path, n_cores=1)
    assert set(found.flops) == set(cuda.CUDA_KINDS)
    assert found.device == "cuda"
    assert found.to_device == found.from_device == (64 << 20) / fake.last_s

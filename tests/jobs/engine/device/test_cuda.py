"""The engine on a torch that pretends to have a GPU: every call is one that torch has, and flags are as they should.

What a real GPU computes is for the tests marked `gpu`.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch as real_torch
from device_engine import F4, product_stage, run_stage
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine.device import CudaDevice, Engine, Settings
from arraymill.jobs.engine.device import cuda as cuda_module
from arraymill.jobs.stages.shapes import MapStage

SETTINGS = Settings(slot_bytes=64, n_in=3, n_out=2, n_readers=2, n_writers=2)
RNG = np.random.default_rng(0)
A, B = (RNG.integers(-4, 5, (12, 12)).astype(F4) for _ in range(2))


class PretendedEvent:
    def __init__(self, *, enable_timing: bool, blocking: bool) -> None:
        assert enable_timing
        assert blocking
        self.is_recorded = False

    def record(self, stream: PretendedStream) -> None:
        assert isinstance(stream, PretendedStream)
        self.is_recorded = True

    def synchronize(self) -> None: ...

    def elapsed_time(self, later: PretendedEvent) -> float:
        assert self.is_recorded
        assert later.is_recorded
        return 500.0


class PretendedStream:
    def __init__(self, device: str) -> None:
        assert device == "cuda:0"
        self.n_waits = 0

    def wait_event(self, event: PretendedEvent) -> None:
        assert isinstance(event, PretendedEvent)
        self.n_waits += 1


class PretendedTorch:
    """Torch on the CPU that answers for the calls of a GPU; everything is done at once.

    Parameters
    ----------
    halves : {"addmm", "mm", "none"}
        What gives a float32 of halves: all since torch 2.9, only `mm` in 2.8, nothing in 2.7.
    """

    def __init__(self, *, halves: str = "addmm", has_new_names: bool = True) -> None:
        self.halves, self.flags, self.calls = halves, [], []
        names = {"fp32_precision": "none"} if has_new_names else {"allow_tf32": "kept"}
        self.matmul = SimpleNamespace(**names)
        self.backends = SimpleNamespace(
            cuda=SimpleNamespace(matmul=self.matmul),
            cudnn=SimpleNamespace(conv=None) if has_new_names else SimpleNamespace(),
        )
        self.current = PretendedStream("cuda:0")
        self.cuda = SimpleNamespace(
            Event=PretendedEvent,
            Stream=PretendedStream,
            stream=lambda stream: contextlib.nullcontext(),
            current_stream=lambda device: self.current,
            synchronize=lambda device: None,
            empty_cache=lambda: self.calls.append("empty_cache"),
        )
        self._C = SimpleNamespace(_host_emptyCache=lambda: self.calls.append("host_empty_cache"))

    def __getattr__(self, name: str) -> Any:
        return getattr(real_torch, name)

    def empty(self, n_bytes: int, *, dtype: Any, pin_memory: bool = False, device: str = "cpu") -> real_torch.Tensor:
        assert pin_memory != (device == "cuda:0")
        return real_torch.full((n_bytes,), 0xFF, dtype=dtype)

    def zeros(self, shape: Any, *, device: str) -> real_torch.Tensor:
        return real_torch.zeros(shape)

    def ones(self, shape: Any, *, dtype: Any, device: str) -> real_torch.Tensor:
        return real_torch.ones(shape, dtype=dtype)

    def mm(self, a: Any, b: Any, *, out: Any = None, out_dtype: Any = None) -> Any:
        self.flags.append(tuple(vars(self.matmul).values()))
        if out_dtype is None:
            return real_torch.mm(a, b, out=out)
        if self.halves == "none":
            raise TypeError("mm() got an unexpected keyword argument 'out_dtype'")
        product = a.to(out_dtype) @ b.to(out_dtype)
        return product if out is None else out.copy_(product)

    def addmm(self, total: Any, a: Any, b: Any, *, out: Any, out_dtype: Any) -> Any:
        if self.halves != "addmm":
            raise RuntimeError("self and mat2 must have the same dtype, but got Float and Half")
        assert out is total
        return out.add_(a.to(out_dtype) @ b.to(out_dtype))


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(**options: Any) -> PretendedTorch:
        made = PretendedTorch(**options)
        monkeypatch.setattr(cuda_module, "torch", made)
        return made

    return install


def product(a: Any, b: Any, **fields: Any) -> Any:
    engine = Engine(CudaDevice(), SETTINGS)
    out = np.full((12, 12), np.nan, fields.get("result", F4))
    stage = product_stage(12, 12, 12, tile=(5, 7), slab=5, **fields)
    _, clock = run_stage(engine, stage, (MemorySource("a", a), MemorySource("b", b)), MemoryTarget(out))
    engine.close()
    return out, clock


@pytest.mark.parametrize("has_new_names", [True, False])
@pytest.mark.parametrize(("mode", "allowed"), [("ieee", False), ("tf32", True), ("3xtf32", True), ("fp64acc", False)])
def test_tf32_is_allowed_only_where_the_mode_asks_for_it(
    pretend: Any, mode: str, allowed: bool, has_new_names: bool
) -> None:
    torch = pretend(has_new_names=has_new_names)
    out, clock = product(A, B, mode=mode)
    np.testing.assert_array_equal(out, A @ B)
    value = ("tf32" if allowed else "ieee") if has_new_names else allowed
    assert set(torch.flags) == {(value,)}
    assert vars(torch.matmul) == ({"fp32_precision": "none"} if has_new_names else {"allow_tf32": "kept"})
    # each piece of work takes half a second
    assert clock.seconds["to_device"] % 0.5 == 0 < clock.seconds["to_device"]


@pytest.mark.parametrize("halves", ["addmm", "mm", "none"])
@pytest.mark.parametrize("mode", ["fp16", "bf16"])
def test_halves_are_added_up_in_float32_by_every_torch(pretend: Any, mode: str, halves: str) -> None:
    pretend(halves=halves)
    half = np.dtype("f2")
    stored, result = (half, half) if mode == "fp16" else (F4, F4)
    out, _ = product(A.astype(stored), B.astype(stored), mode=mode, result=result)
    np.testing.assert_array_equal(out, A @ B)


def test_kernels_keep_the_flags_of_their_worker(pretend: Any) -> None:
    torch, seen = pretend(), []

    class Looks:
        def apply(self, xp: Any, blocks: Any, region: Any) -> Any:
            seen.append(torch.matmul.fp32_precision)
            return blocks[0]

    torch.matmul.fp32_precision = "tf32"
    engine = Engine(CudaDevice(), SETTINGS)
    kernel: Any = Looks()
    stage = MapStage(kernel, Grid((12, 12), (12, 12)), (6, 12), ((12, 12),))
    run_stage(engine, stage, (MemorySource("x", A),), MemoryTarget(np.empty((12, 12), F4)))
    engine.close()
    assert seen == ["tf32", "tf32"]


def test_streams_follow_what_was_allocated(pretend: Any) -> None:
    torch = pretend()
    device = CudaDevice()
    stream: Any = device.stream("h2d")
    device.follow(stream)
    assert stream.stream.n_waits == 1
    assert torch.current is not stream.stream


@pytest.mark.parametrize(("name", "params"), [("sum", {"axis": 1}), ("var", {}), ("map", {"expr": "x * 2 - 1"})])
def test_other_stages(pretend: Any, name: str, params: Any) -> None:
    pretend()
    plan = plan_arrays(name, [A], params, backend="fake")
    stage: Any = plan.stage
    engine = Engine(CudaDevice(), SETTINGS)
    target = MemoryTarget(np.full(plan.output.shape, 113, plan.output.dtype)) if stage.n_parts == 1 else None
    partial, _ = run_stage(engine, stage, (MemorySource("x", A),), target)
    engine.close()
    found = target.array if target is not None else stage.kernel.finish(partial)
    expected = {"sum": A.sum(axis=1), "var": A.var(dtype="f8"), "map": A * 2 - 1}[name]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_memory_is_given_back_to_the_system(pretend: Any) -> None:
    torch = pretend()
    engine = Engine(CudaDevice(), SETTINGS)
    engine.release()
    assert torch.calls == ["empty_cache", "host_empty_cache"]

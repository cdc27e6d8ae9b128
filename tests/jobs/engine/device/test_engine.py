"""An engine whose parts fail: the error is the one that was raised, no thread hangs, and the next block is right."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from device_engine import F4, product_of, product_stage, random_schedule, run_stage

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.blocks import Grid, Region
from arraymill.jobs.engine.device import Engine, FakeDevice, Settings
from arraymill.jobs.errors import InputChangedError
from arraymill.jobs.stages.shapes import MapStage, ReduceStage

SETTINGS = Settings(slot_bytes=64, n_in=2, n_out=2, n_readers=2, n_writers=2)
RNG = np.random.default_rng(0)
A, B = (RNG.integers(-4, 5, (12, 12)).astype(F4) for _ in range(2))
STAGE = product_stage(12, 12, 12, tile=(4, 6), slab=5)


class Broken(Exception):  # noqa: N818 - not one that any code could know
    pass


class Failing:
    """A reader or writer that fails at its n-th call, counted over all of them."""

    def __init__(self, inner: Any, error: BaseException, at: int) -> None:
        self.inner, self.error, self.calls_left = inner, error, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @contextmanager
    def open(self, **options: Any) -> Iterator[Any]:
        with self.inner.open(**options) as opened:
            yield FailingOpened(self, opened)

    def count(self) -> None:
        self.calls_left -= 1
        if self.calls_left == 0:
            raise self.error


class FailingOpened:
    def __init__(self, owner: Failing, opened: Any) -> None:
        self.owner, self.opened = owner, opened

    def read(self, region: Region, out: Any) -> int:
        self.owner.count()
        return int(self.opened.read(region, out))

    def write(self, region: Region, block: Any) -> int:
        self.owner.count()
        return int(self.opened.write(region, block))


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(FakeDevice(seed=2, longest_delay_s=2e-4), SETTINGS)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def check_that_it_still_works(engine: Engine) -> None:
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("arraymill-")]
    assert threads == []
    for seed in (3, 4):
        schedule = random_schedule(seed)
        np.testing.assert_array_equal(product_of(engine, schedule), schedule.expected())


def multiply(engine: Engine, a: Any = None, target: Any = None) -> None:
    sources = (a or MemorySource("a", A), MemorySource("b", B))
    run_stage(engine, STAGE, sources, target or MemoryTarget(np.empty((12, 12), F4)))


@pytest.mark.parametrize("at", [1, 2, 5, 9])
def test_a_reader_fails(engine: Engine, at: int) -> None:
    error = InputChangedError("a.npy was truncated", cause="the test", next="none")
    with pytest.raises(InputChangedError) as caught:
        multiply(engine, a=Failing(MemorySource("a", A), error, at))
    assert caught.value is error
    assert any(entry.name == "read" for entry in caught.traceback)
    check_that_it_still_works(engine)


@pytest.mark.parametrize("at", [1, 3])
def test_a_writer_fails(engine: Engine, at: int) -> None:
    with pytest.raises(Broken, match="no space"):
        multiply(engine, target=Failing(MemoryTarget(np.empty((12, 12), F4)), Broken("no space"), at))
    check_that_it_still_works(engine)


@pytest.mark.parametrize("at", [1, 4, 12])
def test_the_device_fails(engine: Engine, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Failing(None, RuntimeError("CUDA error: an illegal memory access was encountered"), at)
    do = FakeDevice.multiply

    def fail(self: FakeDevice, *args: Any, **kwargs: Any) -> None:
        counter.count()
        do(self, *args, **kwargs)

    monkeypatch.setattr(FakeDevice, "multiply", fail)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        multiply(engine)
    monkeypatch.undo()
    check_that_it_still_works(engine)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), MemoryError("host")])
def test_the_thread_that_runs_the_block_is_stopped(
    engine: Engine, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, copy = Failing(None, error, 3), FakeDevice.copy

    def stop(self: FakeDevice, *args: Any) -> None:
        counter.count()
        copy(self, *args)

    monkeypatch.setattr(FakeDevice, "copy", stop)
    with pytest.raises(type(error)):
        multiply(engine)
    monkeypatch.undo()
    check_that_it_still_works(engine)


def test_control_c_while_the_block_waits(engine: Engine) -> None:
    """Nothing moves: the reader is stuck until the signal has come."""
    waits, goes_on = threading.Event(), threading.Event()

    def interrupt() -> None:
        waits.wait(30)
        # until the block waits for the reader
        time.sleep(0.05)
        _thread.interrupt_main()
        time.sleep(0.05)
        goes_on.set()

    class Slow(Failing):
        def count(self) -> None:
            waits.set()
            assert goes_on.wait(30)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        multiply(engine, a=Slow(MemorySource("a", A), Broken(), 0))
    thread.join()
    check_that_it_still_works(engine)


class KernelThatFails:
    piece_elements, is_exact = 12, True

    def fold(self, xp: Any, piece: Any, axes: Any, origin: Any) -> Any:
        raise Broken(f"at {origin}")

    def apply(self, xp: Any, blocks: Any, region: Any) -> Any:
        raise Broken("applied")

    def apply_into(self, blocks: Any, out: Any, region: Any) -> None: ...
    def merge(self, left: Any, right: Any) -> Any: ...
    def finish(self, partial: Any) -> Any: ...


@pytest.mark.parametrize(
    "stage",
    [
        ReduceStage(KernelThatFails(), Grid((12, 12), (12, 12)), (2, 12), (0,)),
        MapStage(KernelThatFails(), Grid((12, 12), (12, 12)), (2, 12), ((12, 12),)),
    ],
    ids=["reduce", "map"],
)
def test_a_kernel_fails(engine: Engine, stage: Any) -> None:
    with pytest.raises(Broken, match=r"at|applied"):
        run_stage(engine, stage, (MemorySource("x", A),), MemoryTarget(np.empty((12, 12), F4)))
    check_that_it_still_works(engine)


def test_a_kernel_that_gives_another_dtype_is_refused(engine: Engine) -> None:
    class Doubles(KernelThatFails):
        def apply(self, xp: Any, blocks: Any, region: Any) -> Any:
            return xp.astype(blocks[0], xp.float64)

    stage = MapStage(Doubles(), Grid((12, 12), (12, 12)), (2, 12), ((12, 12),))
    with pytest.raises(TypeError, match="a kernel gave"):
        run_stage(engine, stage, (MemorySource("x", A),), MemoryTarget(np.empty((12, 12), F4)))
    check_that_it_still_works(engine)


def test_threads_take_turns(engine: Engine) -> None:
    found: dict[int, bool] = {}

    def work(seed: int) -> None:
        schedule = random_schedule(seed)
        found[seed] = bool((product_of(engine, schedule) == schedule.expected()).all())

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(6), True)


def test_memory_is_given_back_and_taken_again(engine: Engine) -> None:
    multiply(engine)
    device = engine.device
    assert isinstance(device, FakeDevice)
    assert device.allocated_bytes > 0
    engine.release()
    assert device.allocated_bytes == 0
    check_that_it_still_works(engine)

"""What goes on while a stage of the pipeline stands still: each is stopped in turn, and others must come so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from device_engine import F4, product_stage, run_stage

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.arrays.memory import MemoryReader, MemoryWriter
from arraymill.jobs.engine.device import Engine, FakeDevice, Settings

# three tiles of two slabs; each slab of a, and each of b, is one pinned slot
M, K, N = 4, 8, 12
SETTINGS = Settings(slot_bytes=64, n_in=4, n_out=1, n_readers=2, n_writers=1)
STAGE = product_stage(M, K, N, tile=(4, 4), slab=4)
# a's two slabs stay in its two slots
N_STEPS, N_LOADS = 6, 2 + 6
RNG = np.random.default_rng(0)
A, B = RNG.integers(-4, 5, (M, K)).astype(F4), RNG.integers(-4, 5, (K, N)).astype(F4)


class Stages:
    """Counts what each stage has begun, and lets one stand still."""

    def __init__(self) -> None:
        self.begun = dict.fromkeys(("read", "h2d", "comp", "d2h", "write"), 0)
        self.stopped: dict[str, int] = {}
        self.gate = threading.Event()
        self._lock = threading.Lock()

    def pass_by(self, name: str) -> None:
        with self._lock:
            self.begun[name] += 1
            must_wait = self.begun[name] > self.stopped.get(name, 1 << 30)
        if must_wait:
            assert self.gate.wait(60)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.pass_by(name)
            return function(*args, **kwargs)

        return counted


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stages]:
    made = Stages()
    copy = FakeDevice.copy

    def copy_on_stream(device: Any, stream: Any, target: Any, source: Any) -> None:
        name = next(name for name, known in device._streams.items() if known is stream)
        stream.run(lambda: made.pass_by(name))
        copy(device, stream, target, source)

    monkeypatch.setattr(MemoryReader, "read", made.around("read", MemoryReader.read))
    monkeypatch.setattr(MemoryWriter, "write", made.around("write", MemoryWriter.write))
    monkeypatch.setattr(FakeDevice, "multiply", made.around("comp", FakeDevice.multiply))
    monkeypatch.setattr(FakeDevice, "copy", copy_on_stream)
    yield made
    made.gate.set()


@pytest.mark.parametrize(
    ("stopped", "at", "expected"),
    [
        # the first product stands still: two slabs of each operand are on the device, and all pinned slots are full
        ("comp", 0, {"read": 4 + 4, "h2d": 4, "comp": 1, "d2h": 0, "write": 0}),
        # the first copy to the device stands still: all pinned slots are full
        ("h2d", 0, {"read": 4, "h2d": 1, "comp": 0, "d2h": 0, "write": 0}),
        # the first tile does not get out: the second is computed meanwhile, and the slabs of the third are there
        ("d2h", 0, {"read": N_LOADS, "h2d": N_LOADS, "comp": 4, "d2h": 1, "write": 0}),
        # the first tile is not written: it has left the device, so all others are computed
        ("write", 0, {"read": N_LOADS, "h2d": N_LOADS, "comp": N_STEPS, "d2h": 1, "write": 1}),
    ],
)
def test_others_go_on(stages: Stages, stopped: str, at: int, expected: dict[str, int]) -> None:
    stages.stopped[stopped] = at
    engine = Engine(FakeDevice(), SETTINGS)
    out = np.full((M, N), np.nan, F4)
    sources = (MemorySource("a", A), MemorySource("b", B))
    thread = threading.Thread(target=run_stage, args=(engine, STAGE, sources, MemoryTarget(out)))
    thread.start()
    deadline_s = time.monotonic() + 30
    while stages.begun != expected and time.monotonic() < deadline_s:
        time.sleep(0.005)
    # and no further
    time.sleep(0.05)
    found = dict(stages.begun)
    stages.gate.set()
    thread.join()
    engine.close()
    assert found == expected
    np.testing.assert_array_equal(out, A @ B)

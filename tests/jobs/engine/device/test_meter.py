"""Seconds of stages that run at once."""

from __future__ import annotations

import threading
import time

from arraymill.jobs.engine.device.fake import FakeDevice
from arraymill.jobs.engine.device.meter import BusyThreads, StreamMeter


def test_threads_that_work_at_once_count_once() -> None:
    stage, start = BusyThreads(), time.perf_counter()
    barrier = threading.Barrier(3)

    def work() -> None:
        with stage.busy():
            barrier.wait(30)
            time.sleep(0.01)
            stage.add_bytes(5)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.n_bytes == 15
    assert 0.01 <= stage.seconds <= time.perf_counter() - start


def test_a_stream_counts_its_work_and_not_its_waits() -> None:
    device = FakeDevice()
    meter, other = StreamMeter(device, device.stream("comp")), device.stream("h2d")
    ready = device.event("ready")
    other.run(lambda: time.sleep(0.05))
    other.record(ready)
    meter.stream.wait(ready)
    # more than there are pairs of events
    for _ in range(100):
        meter.run(lambda: None)
    device.synchronize()
    assert 0 < meter.finish() < 0.05
    assert meter.finish() == 0
    device.close()

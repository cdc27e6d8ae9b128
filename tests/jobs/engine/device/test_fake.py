"""The device that is none: late, in order, poisoned, and honest about errors."""

from __future__ import annotations

import threading

import pytest
import torch

from arraymill.jobs.engine.device.fake import FakeDevice


def test_memory_is_poisoned() -> None:
    device = FakeDevice()
    pinned, allocated = device.pin(16), device.allocate(16)
    device.synchronize()
    for memory in (pinned, allocated):
        assert memory.view(torch.float32).isnan().all()
        assert memory.view(torch.float16).isnan().all()
        assert (memory.view(torch.int64) == -1).all()
    device.close()


def test_copies_come_late_and_in_order() -> None:
    device, gate = FakeDevice(), threading.Event()
    stream, done = device.stream("h2d"), device.event("ready")
    source, target = torch.arange(4, dtype=torch.uint8), torch.zeros(4, dtype=torch.uint8)
    stream.run(lambda: gate.wait(30))
    device.copy(stream, target, source)
    stream.record(done)
    assert target.tolist() == [0, 0, 0, 0]
    # what is copied is what is there when the copy is done
    source += 1
    gate.set()
    done.synchronize()
    assert target.tolist() == [1, 2, 3, 4]
    assert device.copied_bytes == {"h2d": 4}
    device.close()


def test_an_event_is_where_it_was_recorded_last() -> None:
    device, gate = FakeDevice(), threading.Event()
    event, seen = device.event("ready"), []
    # never recorded: nobody waits
    event.synchronize()
    device.stream("comp").wait(event)
    device.stream("h2d").record(event)
    event.synchronize()
    device.stream("h2d").run(lambda: gate.wait(30))
    device.stream("h2d").run(lambda: seen.append("h2d"))
    device.stream("h2d").record(event)
    device.stream("comp").wait(event)
    device.stream("comp").run(lambda: seen.append("comp"))
    gate.set()
    device.synchronize()
    assert seen == ["h2d", "comp"]
    device.close()


def test_an_error_is_raised_where_someone_looks_and_then_forgotten() -> None:
    device, done = FakeDevice(), None
    stream, done, seen = device.stream("comp"), device.event("computed"), []
    stream.run(lambda: 1 // 0)
    stream.run(lambda: seen.append(1))
    stream.record(done)
    with pytest.raises(ZeroDivisionError):
        done.synchronize()
    with pytest.raises(ZeroDivisionError):
        device.synchronize()
    device.synchronize()
    assert seen == []
    stream.run(lambda: seen.append(2))
    device.synchronize()
    assert seen == [2]
    device.close()

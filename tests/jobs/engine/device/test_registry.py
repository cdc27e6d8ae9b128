"""One engine per process and kind of device."""

from __future__ import annotations

from arraymill.jobs.engine.backend import open_backend
from arraymill.jobs.engine.clock import Clock
from arraymill.jobs.engine.device import Engine, FakeDevice, install_engine, open_engine, release_engine
from arraymill.jobs.engine.device.buffers import Layout
from arraymill.jobs.engine.device.engine import Call


def test_the_same_engine_serves_every_task() -> None:
    before = install_engine("fake", None)
    engine = open_engine("fake")
    assert open_engine("fake") is engine
    assert install_engine("fake", before) is engine
    engine.close()


def test_memory_that_ran_out_is_given_back_through_the_backend() -> None:
    device = FakeDevice()
    before = install_engine("fake", engine := Engine(device))
    with engine.task(
        Layout({"a": (1, 64)}, results=(1, 8), pinned_in=(1, 64), pinned_out=(1, 64)), Call(None, Clock())
    ):
        assert device.allocated_bytes == 72
    open_backend("fake").free()
    assert device.allocated_bytes == 0
    install_engine("fake", before)
    release_engine("torch-cuda")
    engine.close()

"""Facts of what a job may take of a machine with GPUs: as it says, and not all that is free."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from arraymill.jobs.api import resources
from arraymill.jobs.job import Job
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.spec.job_spec import JobSpec

GB = 10**9


@pytest.mark.parametrize(
    ("asked", "given"),
    [("80%", 64 * GB), ("10GB", 10 * GB), ("100%", int(0.92 * 80 * GB)), ("79GB", int(0.92 * 80 * GB))],
)
def test_device_memory_is_a_share_of_the_fullest_gpu(monkeypatch: Any, asked: str, given: int) -> None:
    gpus = [SimpleNamespace(memory_free_bytes=free) for free in (81 * GB, 80 * GB)]
    monkeypatch.setattr(resources, "select_gpus", lambda wanted: gpus)
    job = Job(JobSpec(op="sum", memory={"host": "1GB", "device": asked}), OPERATIONS["sum"], (), {})
    assert resources.budget_of(job, "cuda").device_bytes == given
    assert resources.budget_of(job, "cpu").device_bytes == 0

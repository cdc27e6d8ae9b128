"""Random sequences of what can happen to a stored job: after each the output is whole and nothing done is forgotten."""

from __future__ import annotations

import os
import random

import pytest
from fault_tally import count_fault
from integration.job_machine import JobMachine
from integration.slow_disk import SlowDisk
from integration.stored import Stored

IS_SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
N_INLINE, N_LOCAL, N_STEPS = (400, 100, 40) if IS_SOAK else (15, 1, 8)
SEED = random.SystemRandom().randrange(10**6) if IS_SOAK else 0


@pytest.mark.parametrize("n_workers", [1] * N_INLINE + [2] * N_LOCAL)
def test_whatever_happens_to_a_job(
    jobs: Stored, n_workers: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk.of(jobs.folder)
    for name, value in (jobs.folder.settings | {"ARRAYMILL_HOME": str(jobs.folder.home)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", str(jobs.folder.temporary))
    seed = f"{SEED} {request.node.name}"
    machine = JobMachine(jobs, disk, random.Random(seed), n_workers)
    try:
        machine.submit()
        for _ in range(N_STEPS):
            machine.step()
        machine.finish()
    except BaseException:
        count_fault("anything else", machine.n_faults)
        print(f"seed {seed!r}: {' '.join(machine.steps)}")
        raise
    count_fault("survived byte-identical", machine.n_faults)

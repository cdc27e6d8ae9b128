"""Runs a job for its caller: plan, place, outputs, session, blocks, publish."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from arraymill.cluster.session import open_cluster

from ...errors import SpecError
from ...job import Job
from ...plans.chain_plan import ChainPlan
from ..calibration import measure_workers
from ..outcome import Outcome
from ..planned import plan_of
from ..resources import cluster_config, fitting_workers
from ..signals import deferred_interrupts
from ..watch import SILENT, Watch
from .chain import ChainRun
from .stage import StageRun

__all__ = ["execute"]


def execute(job: Job, *, session: Any = None, watch: Watch = SILENT) -> Outcome:
    """Run a job and return its outcome; without a session, one is opened and closed.

    Raises
    ------
    JobError, ClusterError
    """
    if job.spec.verify is not None:
        raise SpecError(
            "verify is for jobs in the store",
            cause="this one is run for its caller alone, and keeps no receipt",
            next="run the job file with arraymill run, or check the result with arraymill verify",
        )
    plan, place = plan_of(job, session=session)
    n_workers = fitting_workers(job, plan, place) if session is None else session.n_workers
    watch.on_plan(plan, place)
    outcome: Outcome | None = None
    try:
        with ExitStack() as stack:
            begin = ChainRun.begin if isinstance(plan, ChainPlan) else StageRun.begin
            run: ChainRun | StageRun = begin(job, plan, place, stack)  # type: ignore[arg-type]
            opened = time.perf_counter()
            if session is None and run.needs_session:
                session = stack.enter_context(open_cluster(cluster_config(job, place, n_workers)))
                watch.on_open(session)
                measure_workers(job, plan, session)
            started = time.perf_counter()
            records = run.run_blocks(session, watch.on_progress)
            # may take long, and be interrupted
            run.prepare()
            # published before the cluster is closed: a teardown that fails must not cost the result
            with deferred_interrupts():
                main, others = run.publish()
                value, path = (None, main) if isinstance(main, Path) else (main, None)
                seconds = time.perf_counter() - started, started - opened
                outcome = Outcome(plan, place, n_workers, value, path, *seconds, tuple(records), others=others)
    except KeyboardInterrupt:
        # once the output is published, an interrupt only hurries the teardown
        if outcome is None:
            raise
    assert outcome is not None
    return outcome

"""Starts processes that work on jobs of the store after their caller has gone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from ...job import open_job
from ...spec.job_spec import JobSpec
from ...store import JobFolder, JobLock, home_folder
from ..planned import plan_of
from ..resources import fitting_workers
from .claims import check_output, check_unclaimed
from .creation import absolute_spec, create_job

__all__ = ["start_driver", "submit_spec"]


def submit_spec(spec: JobSpec) -> JobFolder:
    """Put a job in the store and start a process that works on it, which outlives this one.

    Everything that can be refused before work starts is refused here.

    Raises
    ------
    JobError, ClusterError
    """
    resolved = absolute_spec(spec)
    job = open_job(resolved)
    check_output(job)
    check_unclaimed(resolved.output)
    plan, place = plan_of(job)
    fitting_workers(job, plan, place)
    folder, lock = create_job(resolved)
    start_driver(folder, lock)
    return folder


def start_driver(folder: JobFolder, lock: JobLock, *options: str) -> int:
    """Start a process that drives a job, hand it the lock, and return its pid.

    It has a session of its own, so that neither the end of the terminal nor Ctrl-C reaches it, and writes to the job's
    log. The lock passes with its open file: at no moment is the job nobody's.
    """
    command = [sys.executable, "-P", "-m", "arraymill.jobs.cli", "drive", folder.id]
    descriptor = os.open(folder.driver_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [*command, "--lock", str(lock.fd), *options],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder.path,
            # a relative home would be another one from there
            env=os.environ | {"ARRAYMILL_HOME": str(home_folder())},
            start_new_session=True,
            pass_fds=(lock.fd,),
        )
    except BaseException:
        # the process may have been started before a signal came
        lock.leave()
        raise
    finally:
        os.close(descriptor)
    lock.hand_over(process.pid)
    # Until this process ends it is the parent, and has to take note of the end of its child.
    threading.Thread(target=process.wait, name="arraymill-driver", daemon=True).start()
    return process.pid

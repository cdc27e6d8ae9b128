"""Measured speeds of this machine: looked up for a plan, and measured once when workers start.

Nothing here may fail a job or change an answer: what cannot be measured, kept or read leaves nominal rates.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from arraymill.cluster.devices import cpu_count, gpus

from ..job import Job
from ..limits import DeviceKind
from ..plans.chain_plan import AnyPlan
from ..rates.calibration import Calibration
from ..rates.workers import Rates, measured_rates
from ..store import Machine, home_folder, read_calibration
from ..versions import current_versions

__all__ = ["known_calibration", "measure_workers", "rates_for", "this_machine"]

_WORTH_S = 5.0
"""Jobs predicted to be shorter are not made longer by measuring."""
_CPUINFO = Path("/proc/cpuinfo")
_CPUINFO_BYTES = 4096
"""The first processor is described in less."""


def this_machine(device: DeviceKind) -> Machine:
    """Return the key of a device of this machine in the store; all its GPUs are taken to be like the first one.

    >>> this_machine("cpu").device
    'cpu'
    """
    found = gpus() if device == "cuda" else ()
    return Machine(
        device=device,
        host=os.uname().nodename,
        processor=_processor(),
        n_cores=cpu_count(),
        gpu=found[0].name if found else "",
        versions=json.dumps(current_versions(device), sort_keys=True),
    )


def known_calibration(device: DeviceKind) -> Calibration | None:
    """Return what an earlier job, or ``arraymill doctor``, measured of a device of this machine, or None."""
    # most users have none: they need not wait for the versions of libraries to be looked up
    is_any = os.access(home_folder() / "calibration", os.R_OK | os.X_OK)
    return read_calibration(this_machine(device)) if is_any else None


def rates_for(job: Job, device: DeviceKind) -> Callable[[np.dtype[Any]], Rates]:
    """Return a function of a dtype: the rates of a device for a job, measured where they are known, else nominal."""
    known = known_calibration(device)
    if known is not None and not _is_same_disk(Path(known.folder), _output_folder(job)):
        # another disk has other speeds
        known = replace(known, writes={}, durable_write=None, map_write=None)
    return partial(measured_rates, known, device, job.spec.compute.precision)


def measure_workers(job: Job, plan: AnyPlan, session: Any) -> Rates | None:
    """Let a worker measure before the first block where nothing is known yet; return the rates for the job, or None.

    Parameters
    ----------
    job : Job
    plan : AnyPlan
    session : Session
        Of worker processes; one that is this process is not measured.
    """
    device = plan.limits.device
    if session.kind == "inline" or plan.predicted_s < _WORTH_S or known_calibration(device) is not None:
        return None
    from .measuring import measure_session  # jobs that measure nothing, most of all short ones, need not load it

    found = measure_session(session, device, _output_folder(job))
    return None if found is None else measured_rates(found, device, job.spec.compute.precision, plan.output.dtype)


def _output_folder(job: Job) -> Path:
    """Return the folder that a job writes to, or the one above it that is there."""
    output = job.spec.output
    return _existing(home_folder() if output is None else Path(output.path).absolute().parent)


def _existing(folder: Path) -> Path:
    return next((path for path in (folder, *folder.parents) if os.access(path, os.X_OK)), Path("/"))


def _is_same_disk(measured: Path, wanted: Path) -> bool:
    try:
        return _existing(measured).stat().st_dev == wanted.stat().st_dev
    except OSError:
        return False


def _processor() -> str:
    try:
        with _CPUINFO.open("rb") as file:
            text = file.read(_CPUINFO_BYTES).decode(errors="replace")
    except OSError:
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == "model name"), "")

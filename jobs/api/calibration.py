"""What this machine was measured to do, as jobs use it: looked up for a plan, measured once where workers start.

Nothing here may fail a job or change an answer: what cannot be measured, kept or read leaves nominal rates.
"""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from arraymill.cluster.devices import cpu_count, gpus

from ..calibration import Calibration
from ..errors import JobError
from ..gauges import calibrate
from ..job import Job
from ..limits import DeviceKind
from ..planning import Plan
from ..rates import Rates, measured_rates
from ..store import Machine, home_folder, read_calibration, write_calibration
from ..versions import current_versions

__all__ = ["known_calibration", "measure_device", "measure_workers", "rates_for", "this_machine"]

_LOGGER = logging.getLogger("arraymill.calibration")
_WORTH_S = 5.0
"""Jobs predicted to be shorter are not made longer by measuring."""
_WORKER_S = 20.0
"""How long blocks wait for a measurement that should take 1.5 s."""
_PROCESS_S = 60.0
_CPUINFO = Path("/proc/cpuinfo")
_CPUINFO_BYTES = 4096
"""The first processor is described in less."""


def this_machine(device: DeviceKind) -> Machine:
    """Return what a device of this machine is kept under; all its GPUs are taken to be like the first one.

    >>> this_machine("cpu").device
    'cpu'
    """
    found = gpus() if device == "cuda" else ()
    return Machine(
        device=device,
        host=socket.gethostname(),
        processor=_processor(),
        n_cores=cpu_count(),
        gpu=found[0].name if found else "",
        versions=json.dumps(current_versions(device), sort_keys=True),
    )


def known_calibration(device: DeviceKind) -> Calibration | None:
    """Return what an earlier job, or ``arraymill doctor``, measured of a device of this machine, or None."""
    # most users have none: they need not wait for the versions of libraries to be looked up
    return read_calibration(this_machine(device)) if (home_folder() / "calibration").is_dir() else None


def rates_for(job: Job, device: DeviceKind) -> Callable[[np.dtype[Any]], Rates]:
    """Return a function of a dtype: the rates of a device for a job, measured where they are known, else nominal."""
    known = known_calibration(device)
    if known is not None and not _is_same_disk(Path(known.folder), _output_folder(job)):
        # another disk has other speeds
        known = replace(known, writes={}, durable_write=None, map_write=None)
    return partial(measured_rates, known, device, job.spec.compute.precision)


def measure_device(device: DeviceKind, folder: Path) -> tuple[Calibration, Path | None]:
    """Measure a device now and keep the result; return it and its file, None if it could not be kept.

    Parameters
    ----------
    device : {"cpu", "cuda"}
        CUDA is woken in a process of its own.
    folder : Path
        Where outputs go.

    Raises
    ------
    RuntimeError
        If that process does not come to an end with a result.
    """
    found = calibrate(device, folder, n_cores=cpu_count()) if device == "cpu" else _measure_apart(device, folder)
    return found, _keep(this_machine(device), found)


def measure_workers(job: Job, plan: Plan, session: Any) -> Rates | None:
    """Let a worker measure before the first block where nothing is known yet; return the rates for the job, or None.

    Parameters
    ----------
    job : Job
    plan : Plan
    session : Session
        Of worker processes; one that is this process is not measured.
    """
    device = plan.limits.device
    if session.kind == "inline" or plan.predicted_s < _WORTH_S:
        return None
    try:
        machine = this_machine(device)
        if read_calibration(machine) is not None:
            return None
        found = _measure_on(session, device, _output_folder(job))
        if found is None or _keep(machine, found) is None:
            return None
    except Exception as error:  # noqa: BLE001 - whatever it is, the job does without
        _LOGGER.warning("the workers were not measured: %s", error)
        return None
    return measured_rates(found, device, job.spec.compute.precision, plan.output.dtype)


def _measure_on(session: Any, device: DeviceKind, folder: Path) -> Calibration | None:
    task = partial(calibrate, n_cores=cpu_count())
    future = session.submit(task, device, folder, key=f"calibrate-{uuid.uuid4().hex}")
    if not session.wait([future], _WORKER_S):
        future.cancel()
        _LOGGER.warning("the workers were not measured: no answer within %.0f s", _WORKER_S)
        return None
    found: Calibration = future.result()
    return found


def _measure_apart(device: DeviceKind, folder: Path) -> Calibration:
    command = [sys.executable, "-P", "-m", "arraymill.jobs.gauges", device, str(folder), str(cpu_count())]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_PROCESS_S, check=True, stdin=subprocess.DEVNULL)
        return Calibration.from_json(json.loads(ran.stdout))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"the {device} device was not measured: {error}") from error


def _keep(machine: Machine, found: Calibration) -> Path | None:
    if not found.flops and found.read is None:
        return None
    try:
        return write_calibration(machine, found)
    except (JobError, ValueError) as error:
        _LOGGER.warning("what was measured cannot be kept: %s", error)
        return None


def _output_folder(job: Job) -> Path:
    """Return the folder that a job writes to, or the one above it that is there."""
    output = job.spec.output
    return _existing(home_folder() if output is None else Path(output.path).absolute().parent)


def _existing(folder: Path) -> Path:
    return next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))


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

"""Measures this machine, in this process or on a worker, and keeps the result; most jobs need not load this module."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path
from typing import Any

from arraymill.cluster.devices import cpu_count

from ..errors import JobError
from ..gauges import calibrate
from ..limits import DeviceKind
from ..rates.calibration import Calibration
from ..store import Machine, read_calibration, write_calibration
from .calibration import this_machine

__all__ = ["measure_device", "measure_session"]

_LOGGER = logging.getLogger("arraymill.calibration")
_WORKER_S = 20.0
"""How long blocks wait for a measurement that should take 1.5 s."""
_PROCESS_S = 60.0


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


def measure_session(session: Any, device: DeviceKind, folder: Path) -> Calibration | None:
    """Let a worker measure its device and keep the result; return it, or None where anything keeps it from that.

    Parameters
    ----------
    session : Session
    device : {"cpu", "cuda"}
    folder : Path
        Where outputs go.
    """
    try:
        found = _measure_on(session, device, folder)
        return found if found is not None and _keep(this_machine(device), found) is not None else None
    except Exception as error:  # noqa: BLE001 - whatever it is, the job does without
        _LOGGER.warning("the workers were not measured: %s", error)
        return None


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
    if found.is_disturbed and (known := read_calibration(machine)) is not None and not known.is_disturbed:
        # what was measured in peace is the better one until it expires
        return None
    try:
        return write_calibration(machine, found)
    except (JobError, ValueError) as error:
        _LOGGER.warning("what was measured cannot be kept: %s", error)
        return None

"""Where calibrations are kept between jobs: one small file for each device class of each machine.

What is broken, too old, of other library versions or of another user is as good as none: it is measured again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..limits import DeviceKind
from ..rates.calibration import Calibration
from .files import make_folder, store_error, write_file
from .home import home_folder

__all__ = ["Machine", "calibration_path", "read_calibration", "write_calibration"]

_LIFETIME_S = 30 * 86400.0
_DISTURBED_LIFETIME_S = 3600.0
_MOST_BYTES = 1 << 16
_MOST_FILES = 32
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """The device class of a machine that was measured.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    host : str
    processor : str
        Model of the CPU.
    n_cores : int
        Cores that jobs may use.
    gpu : str
        Model of the GPU, "" on the CPU.
    versions : str
        Of the libraries that compute.
    """

    device: DeviceKind
    host: str
    processor: str
    n_cores: int
    gpu: str = ""
    versions: str = ""


def calibration_path(machine: Machine) -> Path:
    """Return the file of a machine's calibration. Versions do not name it, so that a new one takes an old one's place.

    >>> calibration_path(Machine("cpu", "node1", "EPYC", 64)).name
    'cpu-18cfeb6dcb5c.json'
    """
    names = [machine.host, machine.processor, str(machine.n_cores), machine.gpu]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return home_folder() / "calibration" / f"{machine.device}-{digest[:12]}.json"


def read_calibration(machine: Machine, *, now_s: float | None = None) -> Calibration | None:
    """Return the calibration that is kept of a machine, or None.

    Parameters
    ----------
    machine : Machine
    now_s : float, optional
        Unix time.
    """
    now_s = time.time() if now_s is None else now_s
    try:
        document = json.loads(_read_own(calibration_path(machine)))
        calibration = Calibration.from_json(document["calibration"])
        is_ours = document == _document(machine, calibration)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    lifetime_s = _DISTURBED_LIFETIME_S if calibration.is_disturbed else _LIFETIME_S
    # one from the future was written by a clock that was wrong
    is_fresh = -_DISTURBED_LIFETIME_S <= now_s - calibration.measured_s <= lifetime_s
    return calibration if is_ours and is_fresh and calibration.device == machine.device else None


def write_calibration(machine: Machine, calibration: Calibration) -> Path:
    """Keep a calibration in place of the one before, in one step, and return its file.

    Raises
    ------
    JobError
        If the home cannot be written.
    ValueError
        If the calibration is not plausible.
    """
    # as it will be read: whole numbers are floats there
    calibration = Calibration.from_json(calibration.to_json())
    path = calibration_path(machine)
    try:
        make_folder(path.parent)
    except OSError as error:
        raise store_error(path.parent, error) from error
    write_file(path, json.dumps(_document(machine, calibration), indent=2).encode())
    _remove_surplus(path.parent)
    return path


def _document(machine: Machine, calibration: Calibration) -> dict[str, Any]:
    body = {"schema": _SCHEMA, "machine": asdict(machine), "calibration": calibration.to_json()}
    canonical = json.dumps(body, sort_keys=True).encode()
    return body | {"sha256": hashlib.sha256(canonical).hexdigest()}


def _remove_surplus(folder: Path) -> None:
    """Remove all but the youngest: containers have a new host name each time."""
    with suppress(OSError):
        for old in sorted(folder.glob("c*-*.json"), key=lambda path: path.stat().st_mtime)[:-_MOST_FILES]:
            old.unlink()


def _read_own(path: Path) -> bytes:
    """Return what is in a regular, small file of this user.

    Raises
    ------
    OSError
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_size > _MOST_BYTES:
            raise PermissionError(path)
        return file.read(_MOST_BYTES)

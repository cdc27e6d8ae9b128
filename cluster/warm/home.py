"""The home file of the warm cluster: where it is, and the keys to it."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..config import Precision

__all__ = ["WarmCluster", "log_file_of", "read_home", "remove_home", "write_home"]

_SCHEMA = 1
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class WarmCluster:
    """A cluster that outlives the command that started it.

    Parameters
    ----------
    pid : int
        Of its server.
    host : str
        Where it runs: the home file may lie on a disk that several machines share.
    address : str
        Of its scheduler.
    kind : {"local", "cuda"}
    device : {"cpu", "cuda"}
    precision : {"strict", "standard", "fast"}
    threads : int
        Threads of one product on one worker.
    n_workers : int
        Workers that are not lost.
    worker_pids : tuple of int
    device_names : tuple of str
        What jobs on it compute on: ``cpu``, or UUIDs of GPUs.
    started_s : float
        Seconds since 1970.
    dashboard_link : str
        "" where none was asked for.
    log : str
        File of what the server and, without a folder of logs, the workers print.
    folder : str
        Of the workers' files.
    versions : dict of str to str
        Of what both sides must agree on.
    certificate, key : str
        PEM; whoever has them can run code as this user.
    """

    pid: int
    host: str
    address: str
    kind: Literal["local", "cuda"]
    device: Literal["cpu", "cuda"]
    precision: Precision
    threads: int
    n_workers: int
    worker_pids: tuple[int, ...]
    device_names: tuple[str, ...]
    started_s: float
    dashboard_link: str
    log: str
    folder: str
    versions: dict[str, str]
    certificate: str = field(repr=False)
    key: str = field(repr=False)


def log_file_of(home_file: Path) -> Path:
    """Return the file that the server of a home file prints into.

    >>> log_file_of(Path("/home/ada/cluster.json")).name
    'cluster.log'
    """
    return home_file.with_suffix(".log")


def write_home(home_file: Path, cluster: WarmCluster) -> None:
    """Write the home file in one step; only its owner can read it."""
    new = home_file.with_name(f"{home_file.name}.new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"schema": _SCHEMA, **asdict(cluster)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(home_file)


def read_home(home_file: Path) -> WarmCluster | None:
    """Return the cluster of a home file, or None if there is no file or it is not one of ours."""
    try:
        found: dict[str, Any] = json.loads(home_file.read_text())
        if found.pop("schema", None) != _SCHEMA:
            return None
        found |= {name: tuple(found[name]) for name in ("worker_pids", "device_names")}
        return WarmCluster(**found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def remove_home(home_file: Path) -> None:
    """Remove the home file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        home_file.unlink()

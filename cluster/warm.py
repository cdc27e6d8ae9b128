"""The warm cluster: started once, used by one job after another, so that none waits for workers to start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from . import errors
from .config import ClusterConfig
from .errors import ClusterConfigError, ClusterError, ClusterStartError
from .warm_home import WarmCluster, log_file_of, read_home, remove_home
from .warm_lock import busy_error, holder_of
from .warm_server import pack_settings
from .warm_versions import check_versions

if TYPE_CHECKING:
    from .warm_session import AttachedSession

__all__ = ["WarmCluster", "attach", "start_warm", "stop_warm", "warm_status"]

_STOP_S = 20.0


def start_warm(config: ClusterConfig, home_file: Path) -> WarmCluster:
    """Start a cluster that outlives this process; every worker has passed its health check when this returns.

    Parameters
    ----------
    config : ClusterConfig
        Of any kind but ``inline``.
    home_file : Path
        Where it is written down; its folder must be there.

    Raises
    ------
    ClusterBusyError
        If one runs already.
    ClusterConfigError
        If the configuration asks for ``inline``.
    NoGpuError, ClusterStartError
        As `open_cluster` raises them.
    """
    if config.kind == "inline":
        raise ClusterConfigError("a warm cluster cannot be inline", cause="it runs in a process of its own",
                                 next="use kind local or cuda")
    pid = holder_of(home_file)
    if pid is not None:
        raise busy_error(pid)
    server, answer = _spawn(config, home_file)
    try:
        said = answer.readline()
    except BaseException:
        os.killpg(server.pid, signal.SIGKILL)
        raise
    finally:
        answer.close()
        server.wait()
    return _understand(said, home_file)


def warm_status(home_file: Path) -> WarmCluster | None:
    """Return the warm cluster that runs, or None."""
    return read_home(home_file) if holder_of(home_file) is not None else None


def stop_warm(home_file: Path) -> WarmCluster | None:
    """End the warm cluster, and return what it was, or None if none ran; bounded: politely first, then by SIGKILL."""
    pid = holder_of(home_file)
    if not pid:
        remove_home(home_file)
        return None
    found = read_home(home_file)
    _end_server(pid, home_file)
    remove_home(home_file)
    return found


def attach(home_file: Path) -> AttachedSession:
    """Return a session on the warm cluster; it starts nothing, and closing it leaves the cluster as it was.

    Raises
    ------
    ClusterError
        If no warm cluster runs, or it is of another version.
    ClusterLostError
        If it does not answer.
    """
    found = warm_status(home_file)
    if found is None:
        raise ClusterError(
            "no warm cluster runs", cause=f"nobody holds {home_file}", next="start one: arraymill cluster start"
        )
    check_versions(found.versions)
    from .warm_session import AttachedSession

    return AttachedSession(found)


def _spawn(config: ClusterConfig, home_file: Path) -> tuple[subprocess.Popen[bytes], Any]:
    reading, writing = os.pipe()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(log_file_of(home_file), flags, 0o600)
    arguments = [str(home_file.absolute()), pack_settings(config), str(writing)]
    try:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "arraymill.cluster.warm_server", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
        )
    finally:
        os.close(log)
        os.close(writing)
    return server, os.fdopen(reading)


def _understand(said: str, home_file: Path) -> WarmCluster:
    answer = json.loads(said) if said else {"error": "ClusterStartError", "what": "the warm cluster's server died"}
    if kind := answer.pop("error", None):
        what = answer.pop("what")
        raise getattr(errors, kind)(what, **answer)
    found = warm_status(home_file)
    if found is None:
        raise ClusterStartError("the warm cluster ended at once", cause=f"see {log_file_of(home_file)}")
    return found


def _end_server(pid: int, home_file: Path) -> None:
    server = psutil.Process(pid)
    server.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while holder_of(home_file) == pid:
        if time.monotonic() > deadline:
            server.kill()
        time.sleep(0.02)

"""The warm cluster: started once, used by one job after another, so that none waits for workers to start."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import ClusterConfig
from ..errors import ClusterConfigError, ClusterError, ClusterStartError
from .home import WarmCluster, log_file_of, read_home, remove_home
from .lock import busy_error, holder_of
from .process import end_server, start_server
from .versions import check_versions

if TYPE_CHECKING:
    from .session import AttachedSession

__all__ = ["WarmCluster", "attach", "start_warm", "stop_warm", "warm_status"]


def start_warm(config: ClusterConfig, home_file: Path) -> WarmCluster:
    """Start a cluster that outlives this process; every worker has passed its health check when this returns.

    Parameters
    ----------
    config : ClusterConfig
        Of any kind but ``inline``.
    home_file : Path
        Where it is written down.

    Raises
    ------
    ClusterBusyError
        If one runs already.
    ClusterConfigError
        If the configuration asks for ``inline``, or a folder cannot be used.
    NoGpuError, ClusterStartError
        As `open_cluster` raises them.
    """
    if config.kind == "inline":
        cause = "inline runs in the process of each job"
        raise ClusterConfigError("a warm cluster cannot be inline", cause=cause, next="use kind local or cuda")
    pid = holder_of(home_file)
    if pid is not None:
        raise busy_error(pid)
    _forget(home_file)
    start_server(config, home_file)
    found = warm_status(home_file)
    if found is None:
        raise ClusterStartError("the warm cluster ended at once", cause=f"its log is {log_file_of(home_file)}")
    return found


def warm_status(home_file: Path) -> WarmCluster | None:
    """Return the warm cluster that runs, or None: what a killed one left behind is none."""
    return read_home(home_file) if holder_of(home_file) is not None else None


def stop_warm(home_file: Path) -> WarmCluster | None:
    """End the warm cluster within bounded time, also one that does not answer, with whatever runs on it.

    Returns
    -------
    WarmCluster or None
        What was ended. None if none ran, or one that was just starting was ended.

    Raises
    ------
    ClusterError
        If it runs on another machine.
    """
    found = warm_status(home_file)
    if found is not None:
        _check_host(found)
    pid = holder_of(home_file)
    if pid is not None:
        end_server(pid, lambda: holder_of(home_file) == pid)
    _forget(home_file)
    return found


def attach(home_file: Path) -> AttachedSession:
    """Return a session on the warm cluster; it starts nothing, and closing it leaves the cluster as it was.

    Raises
    ------
    ClusterError
        If no warm cluster runs here, or it is of another version.
    ClusterLostError
        If it does not answer.
    """
    found = warm_status(home_file)
    if found is None:
        raise _nothing_to_attach_to(home_file)
    _check_host(found)
    check_versions(found.versions)
    from .session import AttachedSession

    return AttachedSession(found)


def _nothing_to_attach_to(home_file: Path) -> ClusterError:
    pid = holder_of(home_file)
    if pid is None:
        cause = f"no process holds {home_file}"
        return ClusterError("no warm cluster runs", cause=cause, next="start one with `arraymill cluster start`")
    cause = f"process {pid} holds {home_file}, where this version finds nothing that it understands"
    advice = "wait, or run `arraymill cluster stop`"
    return ClusterError("the warm cluster is just starting or ending, or of another version", cause=cause, next=advice)


def _check_host(cluster: WarmCluster) -> None:
    here = socket.gethostname()
    if cluster.host != here:
        raise ClusterError(
            f"the warm cluster runs on {cluster.host}",
            cause=f"this is {here}, and it is reached from its own machine only",
            safe="it was left as it is",
            next=f"log in to {cluster.host}",
        )


def _forget(home_file: Path) -> None:
    """Remove what a server has left behind that could not clean up."""
    left = read_home(home_file)
    if left is not None and left.host == socket.gethostname():
        shutil.rmtree(left.folder, ignore_errors=True)
    remove_home(home_file)

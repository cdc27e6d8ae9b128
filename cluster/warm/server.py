"""The process that keeps the warm cluster: detached from who started it, ended by SIGTERM.

Run as ``python -m arraymill.cluster.warm.server HOME_FILE SETTINGS DESCRIPTOR``; see `warm.start_warm`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from ..config import ClusterConfig
from ..errors import ClusterError, ClusterLostError
from .home import WarmCluster, log_file_of, remove_home, write_home
from .lock import hold_home
from .messages import pack_answer, unpack_settings
from .versions import current_versions

__all__ = ["main"]

# How often the server looks at its workers and its home file.
_LOOK_S = 0.5


def main(arguments: list[str]) -> int:
    """Keep a warm cluster until SIGTERM, and return the exit status."""
    home_file, config, descriptor = Path(arguments[0]), unpack_settings(arguments[1]), int(arguments[2])
    os.set_inheritable(descriptor, False)
    # Who starts a server waits for this process only, so that no server is left to it as a zombie.
    if os.fork():
        os._exit(0)
    os.chdir("/")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    starter = _Starter(descriptor)
    try:
        _keep(home_file, config, starter, stop)
    except ClusterError as error:
        print(error, flush=True)
        starter.tell(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - told to who waits for the start; the log keeps the traceback
        traceback.print_exc()
        starter.tell(ClusterError("the warm cluster's server failed", cause=str(error)))
        return 1
    return 0


class _Starter:
    """Who waits for the start: is told once how it went, and may be gone by then."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def tell(self, error: ClusterError | None) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._descriptor, pack_answer(error).encode())
            os.close(self._descriptor)
            self._descriptor = None


def _keep(home_file: Path, config: ClusterConfig, starter: _Starter, stop: threading.Event) -> None:
    from ..session import open_cluster
    from .orphans import EndOrphans

    with hold_home(home_file), open_cluster(config) as session:
        server: Any = session
        server.add_plugin(EndOrphans(server.folder))
        try:
            _serve(server, config, home_file, starter, stop)
        finally:
            # before the workers end, so that nobody attaches to half a cluster
            remove_home(home_file)


def _serve(session: Any, config: ClusterConfig, home_file: Path, starter: _Starter, stop: threading.Event) -> None:
    started_s = time.time()
    last = _describe(session, config, home_file, started_s)
    write_home(home_file, last)
    starter.tell(None)
    # Without its home file nobody can find the cluster any more, not even to stop it.
    while not stop.wait(_LOOK_S) and home_file.exists():
        now = _describe(session, config, home_file, started_s)
        if now.n_workers < 1:
            raise ClusterLostError("no worker is left")
        if now != last:
            write_home(home_file, now)
            last = now


def _describe(session: Any, config: ClusterConfig, home_file: Path, started_s: float) -> WarmCluster:
    facts, keys = session.facts(), session.security
    return WarmCluster(
        pid=os.getpid(),
        host=socket.gethostname(),
        address=session.scheduler_address,
        kind=session.kind,
        device=session.device,
        precision=session.precision,
        threads=config.threads,
        n_workers=len(facts),
        worker_pids=tuple(each.pid for each in facts),
        device_names=tuple(each.device_uuid for each in facts) if session.device == "cuda" else ("cpu",),
        started_s=started_s,
        dashboard_link=session.dashboard_link if config.dashboard else "",
        log=str(log_file_of(home_file)),
        folder=session.folder,
        versions=current_versions(),
        certificate=keys.tls_client_cert,
        key=keys.tls_client_key,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

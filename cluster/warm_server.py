"""The process that keeps the warm cluster: detached from who started it, ended by SIGTERM.

Run as ``python -m arraymill.cluster.warm_server HOME_FILE SETTINGS REPLY``; see `warm.start_warm`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

from .config import ClusterConfig
from .errors import ClusterError, ClusterLostError
from .warm_home import WarmCluster, log_file_of, remove_home, write_home
from .warm_lock import hold_home
from .warm_versions import current_versions

__all__ = ["main", "pack_settings", "unpack_settings"]

# How often the server looks at its workers and its home file.
_LOOK_S = 0.5


def pack_settings(config: ClusterConfig) -> str:
    """Return a configuration as text.

    >>> unpack_settings(pack_settings(ClusterConfig("local", workers=2))).workers
    2
    """
    return json.dumps(dataclasses.asdict(config), default=str)


def unpack_settings(text: str) -> ClusterConfig:
    """Return the configuration of a text."""
    settings: dict[str, Any] = json.loads(text)
    for name in ("scratch", "logs"):
        settings[name] = settings[name] and Path(settings[name])
    if isinstance(settings["gpus"], list):
        settings["gpus"] = tuple(settings["gpus"])
    return ClusterConfig(**settings)


def main(arguments: list[str]) -> int:
    """Keep a warm cluster until SIGTERM, and return the exit status."""
    home_file, settings, reply = Path(arguments[0]), unpack_settings(arguments[1]), int(arguments[2])
    os.set_inheritable(reply, False)
    # Who starts a server waits for this process only, so that no server is left to it as a zombie.
    if os.fork():
        os._exit(0)
    os.chdir("/")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with os.fdopen(reply, "w") as answer:
        try:
            _keep(home_file, settings, answer, stop)
        except ClusterError as error:
            _answer(answer, error)
        except Exception as error:  # noqa: BLE001 - handed to who waits for the start; the log keeps the traceback
            traceback.print_exc()
            _answer(answer, ClusterError("the warm cluster's server failed", cause=str(error)))
    return 0


def _answer(answer: IO[str], error: ClusterError | None) -> None:
    if answer.closed:
        return
    said = {} if error is None else {"error": type(error).__name__, **_lines(error)}
    try:
        answer.write(json.dumps(said) + "\n")
        answer.close()
    except OSError:
        traceback.print_exc()


def _lines(error: ClusterError) -> dict[str, str]:
    return {"what": error.what, "cause": error.cause, "safe": error.safe, "next": error.next}


def _keep(home_file: Path, config: ClusterConfig, answer: IO[str], stop: threading.Event) -> None:
    from .session import open_cluster

    with hold_home(home_file), open_cluster(config) as session:
        started_s = time.time()
        try:
            last = _describe(session, config, home_file, started_s)
            write_home(home_file, last)
            _answer(answer, None)
            while not stop.wait(_LOOK_S):
                now = _describe(session, config, home_file, started_s)
                if not home_file.exists():
                    break
                if now.n_workers < 1:
                    raise ClusterLostError("no worker is left")
                if now != last:
                    write_home(home_file, now)
                    last = now
        finally:
            remove_home(home_file)


def _describe(session: Any, config: ClusterConfig, home_file: Path, started_s: float) -> WarmCluster:
    facts, keys = session.facts(), session.security
    return WarmCluster(
        pid=os.getpid(),
        address=session.scheduler_address,
        kind=session.kind,
        device=session.device,
        precision=session.precision,
        threads=config.threads,
        n_workers=len(facts),
        worker_pids=tuple(each.pid for each in facts),
        device_names=tuple(each.device_uuid or "cpu" for each in facts) if session.device == "cuda" else ("cpu",),
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

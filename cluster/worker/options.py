"""How every worker process is started, on CPUs and on GPUs alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..config import ClusterConfig
from ..dask_settings import LOOPBACK
from ..errors import ClusterConfigError
from .deaths import OomCount
from .nanny import WorkerNanny
from .plugin import PrepareWorker

__all__ = ["worker_options"]


def worker_options(config: ClusterConfig, scratch: Path, prepare: PrepareWorker) -> dict[str, Any]:
    """Return the arguments that clusters of CPUs and of GPUs share: TLS, loopback only, one task at a time."""
    return {
        "threads_per_worker": 1,
        "host": LOOPBACK,
        "protocol": "tls",
        "security": True,
        "dashboard_address": f"{LOOPBACK}:0",
        "scheduler_kwargs": {"dashboard": config.dashboard},
        "local_directory": str(scratch),
        "worker_class": WorkerNanny,
        "prepare": prepare,
        "ooms": OomCount(),
        "logs": _make_log_folder(config.logs),
        "preload": ["arraymill.cluster.preload"],
        "death_timeout": "120s",
        # Workers say nothing on the user's terminal: what goes wrong there comes back as an exception.
        "silence_logs": "CRITICAL",
    }


def _make_log_folder(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterConfigError(
            f"the log folder {folder} cannot be used", cause=str(error), next="name another folder"
        ) from error
    return folder.absolute()

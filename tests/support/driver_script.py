"""A user's script without a ``__main__`` guard: opens a cluster, says who its workers are, and does as it is told.

Run as ``python driver_script.py SCRATCH ENDING``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from distributed import Client
from worker_tasks import hold_interpreter, own_pid

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.session import open_cluster

scratch, ending = sys.argv[1:]


def interrupt_connecting() -> None:
    """Let Ctrl-C come while Dask's client waits for an answer of the scheduler."""
    ask = Client._update_scheduler_info

    async def interrupted(self: Client, *args: Any, **options: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.1)
        await ask(self, *args, **options)

    Client._update_scheduler_info = interrupted


if ending == "connect":
    interrupt_connecting()
print("starting", flush=True)
session = open_cluster(ClusterConfig("local", workers=2, scratch=Path(scratch)))
if ending == "hold":
    futures = [session.submit(hold_interpreter, 600, key=f"hold-{i}") for i in range(2)]
    time.sleep(1)
else:
    futures = [session.submit(own_pid, 600.0, key=f"sleep-{i}") for i in range(2)]
print("pids", *(facts.pid for facts in session.facts()), flush=True)
if ending == "forget":
    sys.exit(0)
with session:
    session.wait(futures, None)

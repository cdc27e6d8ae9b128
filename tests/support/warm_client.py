"""A client of the warm cluster that keeps both workers busy until it is killed: ``warm_client.py HOME_FILE WAY``."""

from __future__ import annotations

import sys
from pathlib import Path

from dask_sessions import begin
from worker_tasks import hold_interpreter, own_pid

from arraymill.cluster.warm.cluster import attach

home_file, way = sys.argv[1:]
with attach(Path(home_file)) as session:
    futures = [begin(session, *((hold_interpreter, 600) if way == "hold" else (own_pid, 600.0))) for _ in range(2)]
    print("busy", flush=True)
    session.wait(futures, None)

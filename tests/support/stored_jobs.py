"""Jobs in the store as they lie there at some moment, written by the store's own functions."""

from __future__ import annotations

from typing import Any

from arraymill.jobs.store import JobFolder, JobLock, JobState, Journal, create_job_folder, write_file, write_state

START_S = 1_700_000_000.0


class Receipt:
    """What a worker returned of a block."""

    def __init__(self, block: int, **fields: Any) -> None:
        self.block = block
        self._fields = block_record(block, **fields)

    def to_json(self) -> dict[str, Any]:
        return self._fields


def block_record(block: int, **fields: Any) -> dict[str, Any]:
    """Return the record of a block that took a second, one block after the other."""
    record = {
        "block": block,
        "pid": 4242,
        "started_s": START_S + 1.0 + block,
        "wall_s": 1.0,
        "bytes_read": 800_000,
        "bytes_written": 80_000,
        "peak_rss_bytes": 100_000_000,
        "seconds": {"read": 0.7, "compute": 0.2, "write": 0.1},
        "attempt": 1,
        "n_splits": 0,
        "crc32": 7,
        "peak_device_bytes": 0,
    }
    return record | fields


def plan_document(**changes: Any) -> dict[str, Any]:
    """Return the plan of a job of 8 blocks."""
    plan: dict[str, Any] = {
        "schema": 1,
        "operation": "map",
        "params": {},
        "inputs": [{"name": "x.npy", "shape": [4, 3], "dtype": "<f4", "order": "C", "nbytes": 48}],
        "output": {"name": "y.npy", "shape": [4, 3], "dtype": "<f4", "order": "C", "nbytes": 48},
        "device": "cpu",
        "precision": "standard",
        "budget": {"host_bytes": 10**9, "device_bytes": 0},
        "n_blocks": 8,
        "n_parts": 1,
        "flops": 8_000_000,
        "read_bytes": 6_400_000,
        "write_bytes": 640_000,
        "task_host_bytes": 50_000_000,
        "task_device_bytes": 0,
        "seconds": {"read": 4.0, "compute": 1.0, "write": 0.5},
        "predicted_s": 4.0,
        "n_workers": 1,
        "place": {"kind": "local", "device": "cpu", "reason": "as asked"},
        "notes": [],
        "fingerprints": [],
    }
    return plan | changes


def store_job(
    status: str,
    *,
    n_done: int = 0,
    plan: dict[str, Any] | None = None,
    events: list[dict[str, Any]] | None = None,
    log: str | None = None,
    **fields: Any,
) -> JobFolder:
    """Return the folder of a job that nobody works on: of a live status, it reads as INTERRUPTED.

    Parameters
    ----------
    status : str
    n_done : int
        Blocks whose receipts are committed; with any, there is a plan.
    plan : dict, optional
    events : list of dict, optional
        Records for the ledger, each with its ``kind``, after those of the blocks.
    log : str, optional
        What the driver said.
    **fields
        Of the state.
    """
    folder = create_job_folder()
    if n_done or events or plan:
        _write_ledger(folder, plan or plan_document(), n_done, events or [])
        fields = {"n_done": n_done, "n_blocks": 8, "started_s": START_S} | fields
    if log is not None:
        folder.driver_log.write_text(log)
    write_state(folder, JobState(status, **({"created_s": START_S, "op": "map"} | fields)))
    return folder


def hold_job(status: str, **fields: Any) -> JobLock:
    """Return the lock of a job that this process works on."""
    folder = store_job(status, **fields)
    return JobLock.acquire(folder)


def _write_ledger(folder: JobFolder, plan: dict[str, Any], n_done: int, events: list[dict[str, Any]]) -> None:
    write_file(folder.plan, b"{}")
    with Journal.open(folder) as journal:
        journal.begin(plan)
        journal.start_epoch()
        for block in range(n_done):
            journal.done(Receipt(block))
        for event in events:
            kind, rest = event["kind"], {name: value for name, value in event.items() if name != "kind"}
            journal.event(kind, **rest)
        journal.commit()

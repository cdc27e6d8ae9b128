"""The job directory: what a job is, how far it has come, and who works on it, in files that survive any process."""

from __future__ import annotations

from .calibrations import Machine, calibration_path, read_calibration, write_calibration
from .catalogue import discard_folder, find_job, list_jobs, remove_job
from .files import write_file
from .held import Holder
from .home import JobFolder, create_job_folder, create_step_folder, home_folder, is_job_id, jobs_folder, new_job_id
from .journal import Journal, Receipt
from .ledger import Ledger, read_ledger
from .lock import JobLock, cancelling, has_open, holder_of, is_locked, lock_holder
from .partials import PartialRef, PartialsFile
from .queue import DeviceQueue
from .settled import Settled, read_own, read_settled, settle, step_offsets
from .state import LIVE, TERMINAL, JobState, read_state, write_state
from .tickets import DeviceHold, Ticket, Wants

__all__ = [
    "LIVE",
    "TERMINAL",
    "DeviceHold",
    "DeviceQueue",
    "Holder",
    "JobFolder",
    "JobLock",
    "JobState",
    "Journal",
    "Ledger",
    "Machine",
    "PartialRef",
    "PartialsFile",
    "Receipt",
    "Settled",
    "Ticket",
    "Wants",
    "calibration_path",
    "cancelling",
    "create_job_folder",
    "create_step_folder",
    "discard_folder",
    "find_job",
    "has_open",
    "holder_of",
    "home_folder",
    "is_job_id",
    "is_locked",
    "jobs_folder",
    "list_jobs",
    "lock_holder",
    "new_job_id",
    "read_calibration",
    "read_ledger",
    "read_own",
    "read_settled",
    "read_state",
    "remove_job",
    "settle",
    "step_offsets",
    "write_calibration",
    "write_file",
    "write_state",
]

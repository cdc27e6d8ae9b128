"""What runs on a worker: read, compute, write one block."""

from __future__ import annotations

from .backend import BackendKind
from .board import Running, clear_board, read_board, take_down
from .device_fault import StickyDeviceError
from .fence import Fence, StaleEpochError
from .merge import finish, merge
from .pieces import output_regions
from .record import Attempt, BlockRecord, BlockResult
from .splitting import MOST_SPLITS, changes_bits, split_stage
from .work import Work, run_block

__all__ = [
    "MOST_SPLITS",
    "Attempt",
    "BackendKind",
    "BlockRecord",
    "BlockResult",
    "Fence",
    "Running",
    "StaleEpochError",
    "StickyDeviceError",
    "Work",
    "changes_bits",
    "clear_board",
    "finish",
    "merge",
    "output_regions",
    "read_board",
    "run_block",
    "split_stage",
    "take_down",
]

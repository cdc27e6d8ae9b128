"""What runs on a worker: read, compute, write one block."""

from __future__ import annotations

from .backend import BackendKind
from .merge import finish, merge
from .work import BlockRecord, BlockResult, Work, run_block

__all__ = ["BackendKind", "BlockRecord", "BlockResult", "Work", "finish", "merge", "run_block"]

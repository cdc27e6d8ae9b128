"""Arrays in files and in memory, read and written by region: nothing here holds a whole one."""

from __future__ import annotations

from .formats import create_output, open_source
from .memory import MemorySource, MemoryTarget
from .npy import NpySource
from .npy_target import NpyTarget
from .source import Output, Reader, Source, Target, Writer

__all__ = [
    "MemorySource",
    "MemoryTarget",
    "NpySource",
    "NpyTarget",
    "Output",
    "Reader",
    "Source",
    "Target",
    "Writer",
    "create_output",
    "open_source",
]

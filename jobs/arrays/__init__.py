"""Arrays in files and in memory, read and written by region: nothing here holds a whole one."""

from __future__ import annotations

from .checksums import SummingWriter, block_checksum, checksum
from .fingerprints import Change, Fingerprint, compare_fingerprints, fingerprint, fingerprint_again
from .formats import adopt_output, create_output, was_published
from .input_formats import open_source
from .locations import absolute_text
from .memory import MemorySource, MemoryTarget
from .npy import NpySource
from .npy_target import NpyTarget
from .opening import open_input
from .output_checks import check_destination, partial_path
from .source import Output, Reader, Source, Target, Writer

__all__ = [
    "Change",
    "Fingerprint",
    "MemorySource",
    "MemoryTarget",
    "NpySource",
    "NpyTarget",
    "Output",
    "Reader",
    "Source",
    "SummingWriter",
    "Target",
    "Writer",
    "absolute_text",
    "adopt_output",
    "block_checksum",
    "check_destination",
    "checksum",
    "compare_fingerprints",
    "create_output",
    "fingerprint",
    "fingerprint_again",
    "open_input",
    "open_source",
    "partial_path",
    "was_published",
]

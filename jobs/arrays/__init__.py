"""Arrays in files and in memory, read and written by region: nothing here holds a whole one."""

from __future__ import annotations

from .changes import Change, compare_fingerprints
from .checksums import SummingWriter, block_checksum, checksum
from .fingerprints import Fingerprint, fingerprint, fingerprint_again
from .input_formats import open_source
from .locations import absolute_text
from .memory import MemorySource, MemoryTarget
from .npy.source import NpySource
from .npy.target import NpyTarget
from .opening import open_input
from .output_checks import check_destination, partial_path
from .output_formats import (
    OUTPUT_SUFFIXES,
    adopt_output,
    check_format,
    check_output,
    create_output,
    load_output,
    was_published,
)
from .output_options import OutputOptions
from .output_places import absolute_output, output_file
from .source import Output, Reader, Source, Target, Writer

__all__ = [
    "OUTPUT_SUFFIXES",
    "Change",
    "Fingerprint",
    "MemorySource",
    "MemoryTarget",
    "NpySource",
    "NpyTarget",
    "Output",
    "OutputOptions",
    "Reader",
    "Source",
    "SummingWriter",
    "Target",
    "Writer",
    "absolute_output",
    "absolute_text",
    "adopt_output",
    "block_checksum",
    "check_destination",
    "check_format",
    "check_output",
    "checksum",
    "compare_fingerprints",
    "create_output",
    "fingerprint",
    "fingerprint_again",
    "load_output",
    "open_input",
    "open_source",
    "output_file",
    "partial_path",
    "was_published",
]

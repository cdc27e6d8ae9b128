"""How inputs differ from what they were when a job began, by what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass

from ..blocks import merged_ranges
from .fingerprints import Fingerprint

__all__ = ["Change", "compare_fingerprints"]


@dataclass(frozen=True, slots=True)
class Change:
    """How a file differs from what it was.

    Parameters
    ----------
    fields : tuple of str
        Of "missing" (or no longer a file that can be read), "files" (others than there were, of several), "size",
        "mtime", "inode", "header", "content". Empty: nothing was seen to differ.
    changed_ranges : tuple of (start, stop)
        Bytes of the file that differ, or that are not known to be the same where both were looked at; none of
        several files, none of which stands for a part of the array.
    is_proven : bool
        True: every byte was looked at, then and now, so that what is outside `changed_ranges` is the same.
    """

    fields: tuple[str, ...]
    changed_ranges: tuple[tuple[int, int], ...]
    is_proven: bool

    @property
    def is_same(self) -> bool:
        """True if nothing that was looked at differs: by content, whatever the time or place of the file."""
        return not {"missing", "files", "size", "header", "content"} & set(self.fields)


def compare_fingerprints(old: Fingerprint, new: Fingerprint | None) -> Change:
    """Return how a file differs from what it was.

    Parameters
    ----------
    old : Fingerprint
    new : Fingerprint or None
        Of `fingerprint_again`, whose chunks are those of `old`. A chunk of `old` that `new` lacks counts as changed.
    """
    if new is None:
        return Change(("missing",), ((0, old.size),) if old.size else (), is_proven=False)
    if old.is_of_several:
        return _compare_sets(old, new)
    now = {(start, length): digest for start, length, digest in new.chunks}
    changed = [(start, start + length) for start, length, was in old.chunks if now.get((start, length)) != was]
    if old.size != new.size:
        changed.append((min(old.size, new.size), max(old.size, new.size)))
    differs = {
        "size": old.size != new.size,
        "mtime": old.mtime_ns != new.mtime_ns,
        # not the device: a restart of the machine may give a disk another number
        "inode": old.inode != new.inode,
        "header": old.header != new.header,
        "content": bool(changed),
    }
    ranges = tuple(merged_ranges(changed))
    return Change(tuple(name for name, is_so in differs.items() if is_so), ranges, old.is_complete and new.is_complete)


def _compare_sets(old: Fingerprint, new: Fingerprint) -> Change:
    """Return how several files differ from what they were: no part of them is known to hold a part of the array."""
    differs = {
        "files": old.header["names"] != new.header.get("names"),
        "size": old.size != new.size,
        "mtime": old.header["times"] != new.header.get("times"),
        "content": old.chunks != new.chunks,
    }
    is_proven = old.is_complete and new.is_complete and not (differs["files"] or differs["content"])
    return Change(tuple(name for name, is_so in differs.items() if is_so), (), is_proven)

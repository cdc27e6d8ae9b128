"""Power losses: what a disk may hold after one, laid out as real files from the record of an undisturbed run.

::

    written, then synced        is there
    written, not synced         is there, is not, is there in part, or its place is there and holds zeros
    named, folder synced        the name is there
    named, folder not synced    the name is there or not; a rename happens as a whole
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from .recording import Recorded, Recording

__all__ = ["POLICIES", "Disk", "Loss", "Policy", "disk_after", "lay_out"]

Policy: TypeAlias = Literal["all lost", "none lost", "torn", "zeros", "names lost", "data lost", "last name", "random"]
POLICIES: tuple[Policy, ...] = (
    "all lost",
    "none lost",
    "torn",
    "zeros",
    "names lost",
    "data lost",
    "last name",
)
Fate: TypeAlias = Literal["kept", "lost", "torn", "zeros", "sectors"]

_FOLDER, _OLD = -1, -2
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Loss:
    """A power loss.

    Parameters
    ----------
    n_effects : int
        So many effects had been asked for.
    policy : str
        What became of those that were not synced.
    seed : int
        Of a random policy.
    """

    n_effects: int
    policy: Policy
    seed: int = 0


@dataclass(slots=True)
class _File:
    content: bytearray = field(default_factory=bytearray)
    unsynced: list[Recorded] = field(default_factory=list)


@dataclass(slots=True)
class Disk:
    """What is on a disk, and what is on its way there."""

    files: dict[int, _File] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    unsynced_names: list[dict[str, int | None]] = field(default_factory=list)

    def apply(self, effect: Recorded) -> None:
        """Take the next effect."""
        name = effect.name
        if name == "create" and effect.is_new:
            self.files[effect.file] = _File()
            self.unsynced_names.append({effect.path: effect.file})
        elif name == "mkdir":
            self.unsynced_names.append({effect.path: _FOLDER})
        elif name == "rename":
            self.unsynced_names.append({effect.path: None, effect.to: effect.file})
        elif name == "link":
            self.unsynced_names.append({effect.to: effect.file})
        elif name == "unlink":
            self.unsynced_names.append({effect.path: None})
        elif name == "fsync_folder":
            self._sync_names(effect.path)
        elif name in ("fsync", "fdatasync"):
            file = self.files[effect.file]
            for write in file.unsynced:
                _put(file.content, write, "kept")
            file.unsynced.clear()
        elif effect.content or effect.size >= 0:
            self.files[effect.file].unsynced.append(effect)

    def _sync_names(self, folder: str) -> None:
        waiting, self.unsynced_names = self.unsynced_names, []
        for change in waiting:
            if all(os.path.dirname(path) == folder for path in change):  # noqa: PTH120 - thousands of them
                self._name(change)
            else:
                self.unsynced_names.append(change)

    def lose_power(self, loss: Loss) -> None:
        """Decide what becomes of all that was not synced."""
        draw = random.Random(f"{loss.n_effects} {loss.seed}")
        for number, change in enumerate(self.unsynced_names, 1):
            if _is_name_kept(loss.policy, draw, is_last=number == len(self.unsynced_names)):
                self._name(change)
        for file in self.files.values():
            for write in file.unsynced:
                _put(file.content, write, _fate(loss.policy, draw), draw)
            file.unsynced.clear()
        self.unsynced_names.clear()

    def _name(self, change: dict[str, int | None]) -> None:
        for path, file in change.items():
            if file is None:
                self.names.pop(path, None)
            else:
                self.names[path] = file

    def seen(self) -> tuple[object, ...]:
        """Return what tells this disk from others."""
        names = sorted(self.names.items())
        return tuple((path, bytes(self.files[file].content) if file >= 0 else file) for path, file in names)


def _is_name_kept(policy: Policy, draw: random.Random, *, is_last: bool) -> bool:
    if policy == "random":
        return draw.random() < 0.5
    if policy == "last name":
        # nothing says that the changes of a folder last in the order in which they were made
        return is_last
    return policy not in ("all lost", "names lost")


def _fate(policy: Policy, draw: random.Random) -> Fate:
    if policy == "random":
        return draw.choice(("kept", "lost", "torn", "zeros", "sectors"))
    if policy in ("torn", "zeros"):
        return policy
    return "lost" if policy in ("all lost", "data lost") else "kept"


def _put(content: bytearray, write: Recorded, fate: Fate, draw: random.Random | None = None) -> None:
    """Let a write, or a new size, arrive as its fate is."""
    if fate == "lost":
        return
    if write.size >= 0:
        if write.name != "reserve":
            del content[write.size :]
        content.extend(bytes(write.size - len(content)))
        return
    start, new = write.offset, write.content
    if fate == "torn":
        new = new[: len(new) // 2]
    elif fate == "zeros":
        new = bytes(len(new))
    end = start + len(new)
    content.extend(bytes(max(end - len(content), 0)))
    if fate != "sectors":
        content[start:end] = new
        return
    assert draw is not None
    for at in range(start - start % _SECTOR, end, _SECTOR):
        first, last = max(at, start), min(at + _SECTOR, end)
        if draw.random() < 0.5:
            content[first:last] = new[first - start : last - start]


def disk_after(recording: Recording, loss: Loss) -> Disk:
    """Return what a disk holds when power comes back."""
    disk, case = Disk(), recording.case
    if case.shape.replaces:
        disk.names[str(case.output)] = _OLD
    for effect in recording.effects[: loss.n_effects]:
        disk.apply(effect)
    disk.lose_power(loss)
    return disk


def lay_out(recording: Recording, disk: Disk) -> None:
    """Make the output's folder and the jobs' home hold what a disk does, and nothing else."""
    case = recording.case
    shutil.rmtree(case.home, ignore_errors=True)
    shutil.rmtree(case.output.parent)
    case.output.parent.mkdir()
    for path, number in sorted(disk.names.items()):
        if not Path(path).parent.is_dir():
            continue
        if number == _FOLDER:
            Path(path).mkdir(0o700, exist_ok=True)
        elif number == _OLD:
            case.lay_out_old_output()
        else:
            _lay_out_file(recording, Path(path), number, disk.files[number].content)


def _lay_out_file(recording: Recording, path: Path, number: int, content: bytes | bytearray) -> None:
    kept = recording.vault / str(number)
    if not kept.exists():
        path.write_bytes(content)
        path.chmod(0o600)
        return
    # the same inode: the ledger knows the output by it
    with kept.open("r+b") as file:
        file.truncate(0)
        file.write(content)
    os.link(kept, path)

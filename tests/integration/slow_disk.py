"""A disk that stops after so many blocks until a test lets it go on: jobs that last as long as a test wants.

No job has to be slow on a fast machine, or quick on a busy one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from integration.commands import Folder, wait_until

HOOK = Path(__file__).with_name("slow_disk_hook")
_UNLIMITED = 10**9


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """Holds the commands of a folder in the synchronisation of a block, after so many blocks in each process.

    Parameters
    ----------
    folder : Folder
        Its commands, and what they start, are held.
    path : Path
        Of what the processes and the test tell one another.
    """

    folder: Folder
    path: Path

    @classmethod
    def of(cls, folder: Folder, allowed: int = _UNLIMITED, way: str = "sleep") -> SlowDisk:
        """Return a disk that lets each process write `allowed` blocks.

        Parameters
        ----------
        folder : Folder
        allowed : int
        way : {"sleep", "spin", "hold"}
            What a process does that is held; the last keeps the interpreter's lock, and does not end when let go.
        """
        disk = cls(folder, folder.path.parent / "slow-disk")
        disk.path.mkdir(exist_ok=True)
        (disk.path / "way").write_text(way, encoding="ascii")
        disk.allow(allowed)
        folder.settings.update(SLOW_DISK=str(disk.path), PYTHONPATH=str(HOOK))
        return disk

    def allow(self, n_blocks: int = _UNLIMITED) -> None:
        """Let each process write so many blocks, counted from its start."""
        told = self.path / ".allowed"
        told.write_text(str(n_blocks), encoding="ascii")
        told.replace(self.path / "allowed")

    def held(self) -> set[int]:
        """Return the processes that have been held so far, and have not ended."""
        said = {path: int(path.name.split("-")[1]) for path in self.path.glob("held-*")}
        return {pid for path, pid in said.items() if path.read_text(encoding="ascii") == _start(pid)}

    def forget_held(self) -> None:
        """Forget which processes were held so far."""
        for path in self.path.glob("held-*"):
            path.unlink()

    def n_held(self) -> int:
        """Return how many blocks have been held so far."""
        return len(list(self.path.glob("held-*")))

    def wait_for_held(self, n_blocks: int = 1) -> None:
        """Wait until so many blocks have been held."""
        wait_until(lambda: self.n_held() >= n_blocks, f"{n_blocks} blocks that the disk holds")

    def writers(self) -> Sequence[tuple[int, int]]:
        """Return who wrote blocks, in the order of time: each process, and how many before another one wrote."""
        syncs = self.path / "syncs"
        pids = map(int, syncs.read_text(encoding="ascii").split()) if syncs.exists() else ()
        return [(pid, len(list(group))) for pid, group in groupby(pids)]

    def most_written(self) -> int:
        """Return the number of blocks that the process has written that wrote the most."""
        syncs = self.path / "syncs"
        pids = syncs.read_text(encoding="ascii").split() if syncs.exists() else []
        return max(Counter(pids).values(), default=0)


def _start(pid: int) -> str | None:
    """Return when a process started, which tells it from others that had its number; None if it has ended."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else rest[18]

"""The limits that Linux control groups (version 1 and 2) put on this process.

Every group from the one of this process up to the root can set a limit; the smallest counts. In a container the path of
the group may not exist below the mounted root; what is mounted is then the container's own group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cgroups"]

# Version 1 says "no limit" with the largest number of whole pages.
_UNLIMITED_BYTES = 2**60


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The control groups of this process.

    Parameters
    ----------
    root : Path
        Where the control groups are mounted.
    membership : Path
        The file that lists the groups of this process.

    Examples
    --------
    >>> limit = Cgroups().memory_limit_bytes()
    >>> limit is None or limit > 0
    True
    """

    root: Path = Path("/sys/fs/cgroup")
    membership: Path = Path("/proc/self/cgroup")

    def memory_limit_bytes(self) -> int | None:
        """Return the smallest memory limit in force, or None."""
        return min((limit for limit, _ in self._memory()), default=None)

    def memory_headroom_bytes(self) -> int | None:
        """Return how much more memory can be used before a limit is met, or None without a limit.

        Notes
        -----
        Cached file pages count as free: the kernel drops them before it lets the group run out of memory.
        """
        return min((max(limit - used, 0) for limit, used in self._memory()), default=None)

    def cpu_quota(self) -> float | None:
        """Return the smallest CPU quota in force, in CPUs, or None."""
        v2 = (_read_cpu_max(folder) for folder in self._folders(""))
        v1 = (_read_cfs_quota(folder) for folder in self._folders("cpu"))
        return min((quota for quota in (*v2, *v1) if quota is not None), default=None)

    def memory_group(self) -> Path | None:
        """Return the folder of this process's own memory group, or None where none is mounted."""
        return next((folder for folder, _ in self._oom_files()), None)

    def oom_kills(self) -> int:
        """Return how many processes of this process's group the kernel has killed because memory ran out.

        Notes
        -----
        ``oom_kill`` of ``memory.events`` (version 2) or of ``memory.oom_control`` (version 1, since Linux 4.13).
        """
        for _, text in self._oom_files():
            return int(dict(line.split() for line in text.splitlines() if line).get("oom_kill", 0))
        return 0

    def _oom_files(self) -> Iterator[tuple[Path, str]]:
        for controller, name in (("", "memory.events"), ("memory", "memory.oom_control")):
            for folder in self._folders(controller):
                if text := _read(folder / name):
                    yield folder, text

    def _memory(self) -> Iterator[tuple[int, int]]:
        """Yield the limit and the use, cached files left out, of every group that has a limit."""
        for folder in self._folders(""):
            yield from _limit_and_use(folder, "memory.max", "memory.current", "")
        for folder in self._folders("memory"):
            yield from _limit_and_use(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_")

    def _folders(self, controller: str) -> Iterator[Path]:
        """Yield the folders of this process's group and its parents; controller "" is version 2."""
        for mount, path in self._mounts(controller):
            folder = mount / path.strip("/")
            while folder != mount:
                yield folder
                folder = folder.parent
            yield mount

    def _mounts(self, controller: str) -> Iterator[tuple[Path, str]]:
        for line in _read(self.membership).splitlines():
            _, controllers, path = line.split(":", 2)
            if controller == controllers == "":
                yield from ((mount, path) for mount in (self.root, self.root / "unified"))
            elif controller and controller in controllers.split(","):
                yield from ((self.root / name, path) for name in {controller, controllers})


def _limit_and_use(folder: Path, limit_file: str, use_file: str, prefix: str) -> Iterator[tuple[int, int]]:
    limit = _read_int(folder / limit_file)
    if limit is None or limit >= _UNLIMITED_BYTES:
        return
    statistics = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
    cached = sum(int(statistics.get(f"{prefix}{name}_file", 0)) for name in ("active", "inactive"))
    yield limit, max((_read_int(folder / use_file) or 0) - cached, 0)


def _read_cpu_max(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _read_cfs_quota(folder: Path) -> float | None:
    quota, period = _read_int(folder / "cpu.cfs_quota_us"), _read_int(folder / "cpu.cfs_period_us")
    return quota / period if quota and period else None


def _read_int(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

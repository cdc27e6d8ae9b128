"""What a power failure leaves of a folder: whatever was not synced may be lost, whole, torn or stale.

A disk that keeps a log of its effects, and a pessimistic model of a file system: a write is durable once its file is
synced, a name once its folder is. Until then each may have reached the disk or not, in any order.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from disk_faults import Died

from arraymill.jobs import disk

Tree: TypeAlias = dict[str, bytes]
"""Names of the files of a folder, and what is in them."""

ROOT = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One lasting effect: on a file (``write``, ``cut``, ``sync``) or on names in a folder (``name``, ``sync``)."""

    kind: str
    node: int
    offset: int = 0
    content: bytes = b""
    names: tuple[tuple[int, str, int | None], ...] = ()


class RecordingDisk:
    """`arraymill.jobs.disk` over a real folder, with a log from which every state after a power failure is built.

    Parameters
    ----------
    root : Path
        What is in it now is durable. Only its direct entries are looked at.
    patch : MonkeyPatch
        Undone by its owner.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root, self.log = root, list[Effect]()
        self.dies_at: int | None = None
        self._nodes: dict[int, int] = {}
        self._n_nodes = itertools.count(ROOT + 1)
        self.first_files: dict[int, bytes] = {}
        self.first_names: dict[str, int] = {}
        for path in root.iterdir():
            if path.is_file():
                node = self.first_names[path.name] = self._nodes[path.stat().st_ino] = next(self._n_nodes)
                self.first_files[node] = path.read_bytes()
        for name in ("create", "write", "pwritev", "ftruncate", "rename", "unlink", "fsync", "fdatasync"):
            patch.setattr(disk, name, getattr(self, f"_{name}"))
        patch.setattr(disk, "fsync_folder", self._fsync_folder)

    def _add(self, effect: Effect) -> None:
        if self.dies_at is not None and len(self.log) >= self.dies_at:
            raise Died(effect.kind)
        self.log.append(effect)

    def _node(self, descriptor: int) -> int:
        return self._nodes[os.fstat(descriptor).st_ino]

    def _create(self, path: Path, flags: int, mode: int) -> int:
        is_new = not path.exists()
        if is_new and self.dies_at is not None and len(self.log) >= self.dies_at:
            raise Died("create")
        descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, mode)
        if is_new:
            node = self._nodes[os.fstat(descriptor).st_ino] = next(self._n_nodes)
            self._add(Effect("name", ROOT, names=((ROOT, path.name, node),)))
        elif flags & os.O_TRUNC:
            self._add(Effect("cut", self._node(descriptor)))
        return descriptor

    def _write(self, descriptor: int, text: bytes) -> None:
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        self._add(Effect("write", self._node(descriptor), offset, bytes(text)))
        assert os.write(descriptor, text) == len(text)

    def _pwritev(self, descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        self._add(Effect("write", self._node(descriptor), offset, b"".join(buffers)))
        return os.pwritev(descriptor, buffers, offset)

    def _ftruncate(self, descriptor: int, n_bytes: int) -> None:
        self._add(Effect("cut", self._node(descriptor), n_bytes))
        os.ftruncate(descriptor, n_bytes)

    def _rename(self, source: Path, destination: Path) -> None:
        node = self._nodes[source.stat().st_ino]
        self._add(Effect("name", ROOT, names=((ROOT, source.name, None), (ROOT, destination.name, node))))
        source.replace(destination)

    def _unlink(self, path: Path) -> None:
        self._add(Effect("name", ROOT, names=((ROOT, path.name, None),)))
        path.unlink()

    def _fsync(self, descriptor: int) -> None:
        self._add(Effect("sync", self._node(descriptor)))

    _fdatasync = _fsync

    def _fsync_folder(self, path: Path) -> None:
        assert path == self.root
        self._add(Effect("sync", ROOT))

    def states(self, n_effects: int) -> Iterator[Tree]:
        """Yield each state in which a power failure after so many effects may leave the folder."""
        return _Model(self, n_effects).states()


@dataclass(slots=True)
class _Model:
    disk: RecordingDisk
    n_effects: int
    durable: dict[int, bytes] = field(default_factory=dict)
    pending: dict[int, list[Effect]] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)

    def states(self) -> Iterator[Tree]:
        self.durable, self.names = dict(self.disk.first_files), dict(self.disk.first_names)
        for effect in self.disk.log[: self.n_effects]:
            if effect.kind == "sync":
                self._settle(effect.node)
            else:
                self.pending.setdefault(effect.node, []).append(effect)
        files = [node for node in self.pending if node != ROOT]
        contents = [list(self._contents(node)) for node in files]
        for names in self._namings():
            for chosen in itertools.product(*contents):
                found = self.durable | dict(zip(files, chosen, strict=True))
                yield {name: found.get(node, b"") for name, node in names.items()}

    def _settle(self, node: int) -> None:
        effects = self.pending.pop(node, [])
        if node == ROOT:
            self.names = _named(self.names, effects)
        elif effects:
            self.durable[node] = _applied(self.durable.get(node, b""), effects)

    def _namings(self) -> Iterator[dict[str, int]]:
        effects = self.pending.get(ROOT, [])
        for kept in itertools.product((False, True), repeat=len(effects)):
            yield _named(self.names, list(itertools.compress(effects, kept)))

    def _contents(self, node: int) -> Iterator[bytes]:
        before, effects = self.durable.get(node, b""), self.pending[node]
        yield before
        for number, effect in enumerate(effects):
            others = effects[:number] + effects[number + 1 :]
            yield _applied(before, others)
            for damaged in _damaged(effect):
                yield _applied(before, [*effects[:number], damaged, *effects[number + 1 :]])
        yield _applied(before, effects)


def _damaged(effect: Effect) -> Iterator[Effect]:
    """Yield what else a write may leave: its beginning, its end over zeros, or what stood there before it."""
    if effect.kind != "write" or len(effect.content) < 4:
        return
    content, middle = effect.content, len(effect.content) // 2
    for length in (1, middle, len(content) - 1):
        yield Effect("write", effect.node, effect.offset, content[:length])
    yield Effect("write", effect.node, effect.offset, bytes(middle) + content[middle:])
    # A sector that was not written may hold a record of the same form, of an earlier file.
    stale = content[middle:].translate(bytes.maketrans(b"0123456789", b"1234567890"))
    yield Effect("write", effect.node, effect.offset, content[:middle] + stale)


def _applied(before: bytes, effects: Sequence[Effect]) -> bytes:
    content = bytearray(before)
    for effect in effects:
        if effect.kind == "cut":
            content = content[: effect.offset].ljust(effect.offset, b"\0")
        else:
            end = effect.offset + len(effect.content)
            content = bytearray(content.ljust(end, b"\0"))
            content[effect.offset : end] = effect.content
    return bytes(content)


def _named(before: dict[str, int], effects: Sequence[Effect]) -> dict[str, int]:
    names: dict[str, Any] = dict(before)
    for _, name, node in (entry for effect in effects for entry in effect.names):
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
    return names


def lay_out(tree: Tree, folder: Path) -> None:
    """Put a state on the disk in place of what is in a folder."""
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    for name, content in tree.items():
        (folder / name).write_bytes(content)

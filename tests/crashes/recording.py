"""The lasting effects of an undisturbed run, written down one by one: from them states after a power loss are made."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .drivers import drive
from .effects import content_of
from .mutants import MUTANTS
from .shapes import Case, new_case, output_digest

__all__ = ["Acknowledgement", "Recorded", "Recording", "Undisturbed", "record", "undisturbed"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One lasting effect.

    Parameters
    ----------
    name : str
    file : int
        Number of the file, counted in the order of creation; names may come and go. -1: none, or a folder.
    path, to : str
        The first and, of renames and links, the second name.
    offset : int
    content : bytes
        What was written.
    size : int
        What a file was cut or extended to; -1: neither.
    is_new : bool
        The file was not there before.
    """

    name: str
    file: int = -1
    path: str = ""
    to: str = ""
    offset: int = 0
    content: bytes = b""
    size: int = -1
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Blocks that the journal said were committed, after `n_effects` effects."""

    n_effects: int
    blocks: tuple[int, ...]


@dataclass(slots=True)
class Recorder:
    """Hears effects in the driver's process, and writes them to a file.

    Parameters
    ----------
    case : Case
    vault : Path
        A folder where each result, of the job or of a step, gets a second name, for its inode to stay its own.
    """

    case: Case
    vault: Path
    _files: dict[int, int] = field(default_factory=dict)
    _n_files: int = 0
    _n_effects: int = 0

    def before(self, name: str, args: tuple[Any, ...]) -> Any:
        if name in ("write", "pwritev"):
            return content_of(name, args)
        if name in ("rename", "link", "unlink"):
            return Path(args[0]).lstat().st_ino
        return os.path.lexists(args[0]) if name == "create" else None

    def after(self, number: int, name: str, args: tuple[Any, ...], heard: Any, result: Any) -> None:
        self._n_effects = number
        self._write(self._recorded(name, args, heard, result))

    def acknowledge(self, blocks: tuple[int, ...]) -> None:
        """Take note of what the journal said was committed."""
        self._write(Acknowledgement(self._n_effects, blocks))

    def _recorded(self, name: str, args: tuple[Any, ...], heard: Any, result: Any) -> Recorded:
        if name in ("write", "pwritev"):
            offset, content = heard
            taken = content if name == "write" else content[:result]
            return Recorded(name, self._file(args[0]), offset=offset, content=taken)
        if name == "create":
            return self._created(os.fspath(args[0]), args[1], result, is_new=not heard)
        if name in ("rename", "link"):
            return Recorded(name, self._files.get(heard, -1), os.fspath(args[0]), os.fspath(args[1]))
        if name == "unlink":
            return Recorded(name, self._files.get(heard, -1), os.fspath(args[0]))
        if name in ("mkdir", "fsync_folder"):
            return Recorded(name, path=os.fspath(args[0]))
        return Recorded(name, self._file(args[0]), size=args[1] if len(args) > 1 else -1)

    def _created(self, path: str, flags: int, descriptor: int, *, is_new: bool) -> Recorded:
        inode = os.fstat(descriptor).st_ino
        if is_new:
            # an inode may have been another file's before
            self._files[inode] = self._n_files
            self._n_files += 1
        number = self._files[inode]
        is_result = Path(path).parent == self.case.output.parent or path.endswith(".npy.partial")
        if is_new and is_result:
            os.link(path, self.vault / str(number))
        return Recorded("create", number, path, size=0 if flags & os.O_TRUNC else -1, is_new=is_new)

    def _file(self, descriptor: int) -> int:
        return self._files[os.fstat(descriptor).st_ino]

    def _write(self, what: Any) -> None:
        with (self.vault / "log").open("ab") as file:
            pickle.dump(what, file)


@dataclass(frozen=True, slots=True)
class Recording:
    """A run that was written down.

    Parameters
    ----------
    case : Case
        Its folder holds the inputs and the vault; outputs and jobs are laid out anew for each state.
    effects : tuple of Recorded
    acknowledgements : tuple of Acknowledgement
    digest : str
        SHA-256 of the output.
    """

    case: Case
    effects: tuple[Recorded, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    digest: str

    @property
    def vault(self) -> Path:
        return self.case.folder / "vault"

    def acknowledged(self, n_effects: int) -> set[int]:
        """Return the blocks that counted after so many effects."""
        return {block for one in self.acknowledgements if one.n_effects <= n_effects for block in one.blocks}


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a test needs to know of an undisturbed run.

    Parameters
    ----------
    effects : tuple of str
        Names, in order.
    digest : str
        SHA-256 of the output.
    blocks : tuple of int
        Numbers of the effects that write to the output, but for its header.
    """

    effects: tuple[str, ...]
    digest: str
    blocks: tuple[int, ...]


def record(folder: Path, shape: str, mutants: Sequence[str] = ()) -> Recording:
    """Run a job to its end and return what it did to the disk."""
    case = new_case(folder, shape)
    vault = folder / "vault"
    vault.mkdir()
    ending = drive(case, "run", listener=lambda: Recorder(case, vault), changes=[MUTANTS[name] for name in mutants])
    assert ending.exit_code == 0, ending.text
    entries = []
    with (vault / "log").open("rb") as file:
        while file.peek(1):
            entries.append(pickle.load(file))
    effects = tuple(entry for entry in entries if isinstance(entry, Recorded))
    acknowledgements = tuple(entry for entry in entries if isinstance(entry, Acknowledgement))
    return Recording(case, effects, acknowledgements, output_digest(case))


def undisturbed(folder: Path, shape: str) -> Undisturbed:
    """Return what an undisturbed run of a shape does and makes."""
    recording = record(folder, shape)
    outputs = {effect.file for effect in recording.effects if effect.path == str(recording.case.partial)}
    writes = [number for number, effect in enumerate(recording.effects, 1) if effect.content and effect.file in outputs]
    return Undisturbed(tuple(effect.name for effect in recording.effects), recording.digest, tuple(writes[1:]))

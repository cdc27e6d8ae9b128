"""One packed output, killed by SIGKILL before each of its effects on the disk, and resumed: says what was wrong.

Run as ``python packed_output_kills.py FOLDER NAME replaced|new exchange|rename STEP``; it is killed before every
STEP-th effect. Every attempt is a process of its own, forked from this one, which has everything loaded and no
threads.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import random
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from arraymill.jobs import disk
from arraymill.jobs.arrays import Output, adopt_output, create_output, load_output, output_file, was_published
from arraymill.jobs.arrays.npy.reader import NpyReader
from arraymill.jobs.blocks import Grid, as_slices
from arraymill.jobs.errors import OutputError
from arraymill.jobs.headers import ArrayHeader

F8 = np.dtype("<f8")
NEW = np.arange(24.0).reshape(4, 6)
OLD = -np.ones((4, 6))
GRID = Grid((4, 6), (2, 6))


class Ledger:
    """What a job's own records would hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.info: dict[str, Any] | None = None
        self.done: set[int] = set()
        self.is_committed = False
        for line in path.read_text().splitlines() if path.exists() else ():
            self._take(json.loads(line))

    def note(self, record: Any) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self._take(record)

    def _take(self, record: Any) -> None:
        if isinstance(record, int):
            self.done.add(record)
        elif record == "anew":
            self.done.clear()
        elif record == "committed":
            self.is_committed = True
        else:
            self.info = record


def run(path: str, ledger: Ledger, *, replace: bool) -> None:
    """Do what is left of a job that writes `NEW`."""
    kind: Any = (path, NEW.shape, F8, "C")
    if ledger.info is not None and len(ledger.done) == GRID.n_blocks and was_published(*kind, info=ledger.info):
        ledger.note("committed")
        return
    output = take(kind, ledger, replace=replace)
    for block, region in enumerate(GRID.regions()):
        if block not in ledger.done:
            with output.target.open(durable=True) as writer:
                writer.write(region, NEW[as_slices(region)])
            ledger.note(block)
    output.prepare()
    ledger.note(output.info())
    output.publish()
    ledger.note("committed")


def take(kind: Any, ledger: Ledger, *, replace: bool) -> Output:
    if ledger.info is not None:
        try:
            return adopt_output(*kind, replace=replace, info=ledger.info)
        except OutputError:
            ledger.note("anew")
    output = create_output(*kind, replace=replace, inputs=())
    ledger.note(output.info())
    return output


def in_child(act: Callable[[], object]) -> int:
    """Return how a process ended that did something: 0, 1 after an error, or less than 0 by a signal."""
    with warnings.catch_warnings():
        # Python warns of it from 3.12 on: there may be threads of the libraries that write files, which now wait
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:  # noqa: BLE001 - it must not go on in the parent's place
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def install(dies_at: int, log: Path, *, can_exchange: bool) -> None:
    """Number all effects and all reads from 1, and die before one of them."""
    count = 0

    def numbered(name: str, effect: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            log.write_text(str(count))
            return effect(*args, **kwargs)

        return act

    def refuse(*_: Any) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    replaced: dict[str, Any] = {"fsync": os.fstat, "fdatasync": os.fstat, "fsync_folder": lambda path: None}
    if not can_exchange:
        replaced |= {"exchange": refuse, "rename_to_new": refuse}
    for name in disk.__all__:
        setattr(disk, name, numbered(name, replaced.get(name, getattr(disk, name))))
    NpyReader.read = numbered("read", NpyReader.read)  # type: ignore[method-assign]


Content = dict[str, bytes]


def content_of(path: Path) -> Content | None:
    """Return all files of a file or folder; None if there is none."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    return {"": path.read_bytes()} if path.exists() else None


class Case:
    """The job in a folder of its own.

    Parameters
    ----------
    folder : Path
    name : str
    replace : bool
    old, new : dict or None
        What has the final name before and after.
    can_exchange : bool
        Whether the file system can exchange two names.
    """

    def __init__(
        self, folder: Path, name: str, *, replace: bool, old: Content | None, new: Content | None, can_exchange: bool
    ) -> None:
        self.folder, self.replace, self.can_exchange = folder, replace, can_exchange
        self.old, self.new = old, new
        (folder / "out").mkdir(parents=True)
        self.path = str(folder / "out" / name)
        self.final = output_file(self.path)
        self.moved = self.final.with_name(f"{self.final.name}.partial.replaced")
        self.complaints: list[str] = []
        for file, content in (old or {}).items():
            (self.final / file).parent.mkdir(parents=True, exist_ok=True)
            (self.final / file).write_bytes(content)

    def attempt(self, dies_at: int = 0) -> int:
        def act() -> None:
            install(dies_at, self.folder / "count", can_exchange=self.can_exchange)
            run(self.path, Ledger(self.folder / "ledger"), replace=self.replace)

        return in_child(act)

    @property
    def n_effects(self) -> int:
        return int((self.folder / "count").read_text())

    def look(self) -> None:
        """Check that nothing half is seen, and nothing is lost."""
        seen = content_of(self.final)
        if seen is None and not self.can_exchange:
            # moved away, until somebody resumes it
            seen = content_of(self.moved)
        if seen not in (self.old, self.new):
            self.complaints.append("what is seen is neither old nor new")

    def check_finished(self, code: int) -> None:
        if code != 0 or not Ledger(self.folder / "ledger").is_committed:
            self.complaints.append(f"it did not finish ({code})")
        if content_of(self.final) != self.new:
            self.complaints.append("the output is not that of an undisturbed run")
        left = sorted(path.name for path in self.final.parent.iterdir())
        if left != [self.final.name]:
            self.complaints.append(f"there is {left}")


def publish(path: str, array: Any) -> None:
    with create_output(path, array.shape, array.dtype, "C", replace=False, inputs=()) as output:
        with output.target.open() as writer:
            writer.write(tuple((0, n) for n in array.shape), array)
        output.publish()


def made_in(folder: Path, name: str, array: Any) -> Content | None:
    """Return what a run that nobody disturbs makes of an array."""
    folder.mkdir()
    path = str(folder / name)

    def act() -> None:
        publish(path, array)
        header = ArrayHeader(path, array.shape, array.dtype)
        assert np.array_equal(load_output(path, header)[...], array)

    assert in_child(act) == 0
    return content_of(output_file(path))


def main(folder: Path, name: str, step: int, *, replace: bool, can_exchange: bool) -> None:
    for library in LIBRARIES.get(output_file(name).suffix, ()):
        importlib.import_module(library)
    new = made_in(folder / "new", name, NEW)
    old = made_in(folder / "old", name, OLD) if replace else None

    def tried(*kills: int) -> Case:
        shutil.rmtree(folder / "case", ignore_errors=True)
        case = Case(folder / "case", name, replace=replace, old=old, new=new, can_exchange=can_exchange)
        for kill in kills:
            code = case.attempt(kill)
            case.look()
            if code == 0:
                break
            if code != -signal.SIGKILL:
                case.complaints.append(f"it was not killed: {code}")
        case.check_finished(case.attempt())
        return case

    n_effects = tried().n_effects
    rng = random.Random(7)
    twice = [(rng.randrange(1, n_effects), rng.randrange(1, n_effects)) for _ in range(2)]
    n_tried = 0
    for kills in [(), *((at,) for at in range(1 + n_effects % step, n_effects + 1, step)), *twice]:
        n_tried += 1
        if complaints := tried(*kills).complaints:
            print(json.dumps([kills, complaints]))
    print(json.dumps(["tried", n_tried]))


LIBRARIES = {
    ".zarr": ("zarr", "zarr.codecs"),
    ".h5": ("h5py",),
    ".parquet": ("pyarrow", "pyarrow.parquet"),
}


if __name__ == "__main__":
    _, where, what, before, names, every = sys.argv
    main(Path(where), what, int(every), replace=before == "replaced", can_exchange=names == "exchange")

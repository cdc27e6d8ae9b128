"""A job whose driver was killed half way, and what becomes of it when a bit of what it left changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arraymill.jobs.store import JobFolder, read_ledger, read_settled, settle

from .checking import History
from .power import Loss, disk_after, lay_out
from .recovery import recording_of, resumed

__all__ = ["HALF", "Left", "flipped", "flipped_line", "lay_out_half", "left_half", "lines_of"]

HALF = 6
"""So many blocks, or more, are done when the driver is killed."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a driver that was killed half way has left.

    Parameters
    ----------
    files : dict of str to bytes
        Those of the job's folder, and the unfinished output as ``output``.
    plan : dict
    done : dict of int to dict
        The ledger's records of blocks.
    """

    files: dict[str, bytes]
    plan: dict[str, Any]
    done: dict[int, dict[str, Any]]


def lay_out_half(folder: Path, shape: str, mutants: tuple[str, ...] = ()) -> tuple[History, JobFolder]:
    """Lay out what a driver left that was killed when half of the blocks were done."""
    recording = recording_of(shape, mutants, folder.parent)
    n_effects = next(
        one.n_effects for one in recording.acknowledgements if len(recording.acknowledged(one.n_effects)) >= HALF
    )
    lay_out(recording, disk_after(recording, Loss(n_effects, "none lost")))
    (job,) = recording.case.jobs()
    return History(recording.case, recording.digest, acknowledged=recording.acknowledged(n_effects)), job


def left_half(folder: Path, shape: str) -> Left:
    """Return what a driver left that was killed when half of the blocks were done."""
    history, job = lay_out_half(folder, shape)
    settled = read_settled(job)
    assert settled.plan is not None
    files = {path.name: path.read_bytes() for path in job.path.iterdir() if path.is_file()}
    return Left({**files, "output": history.case.partial.read_bytes()}, settled.plan, settled.done)


def flipped_line(folder: Path, shape: str, number: int, place: float) -> tuple[bool, list[str]]:
    """Flip a bit of a line of the ledger, at a place from 0 to 1, and resume: `flipped`."""
    _, job = lay_out_half(folder, shape)
    start, end = lines_of(job.ledger.read_bytes())[number]
    before = settle(read_ledger(job.ledger)[0][:number])
    position = start + round(place * (end - 1 - start))
    return flipped(folder, shape, "ledger.jsonl", position, set(range(100)) - before.done.keys())


def flipped(
    folder: Path, shape: str, file: str, position: int, suspects: set[int], mutants: tuple[str, ...] = ()
) -> tuple[bool, list[str]]:
    """Flip a bit of a file and resume; return whether that was refused, and what is wrong.

    `suspects` are the blocks that may, and must, run again for it.
    """
    history, job = lay_out_half(folder, shape, mutants)
    path = history.case.partial if file == "output" else job.path / file
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << position % 8
    with path.open("r+b") as opened:
        opened.write(content)
    done = set(history.acknowledged)
    history.acknowledged -= suspects
    ending = resumed(history, mutants)
    if ending.exit_code != 0:
        history.expect(ending.is_clean, f"it is refused with a bug: {ending}")
        return True, history.complaints
    history.check_finished(ending)
    history.expect(suspects & done <= set(ending.ran), f"of {suspects} only {ending.ran} ran again")
    return False, history.complaints


def lines_of(ledger: bytes) -> list[tuple[int, int]]:
    """Return where each line begins and ends."""
    ends = [place + 1 for place, letter in enumerate(ledger) if letter == ord("\n")]
    return list(zip([0, *ends], ends, strict=False))

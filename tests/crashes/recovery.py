"""What lies on the disk of a job after a power loss, and what the driver that resumes it makes of that."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from .checking import History, has_begun
from .drivers import Ending, drive
from .mutants import MUTANTS
from .power import POLICIES, Loss, disk_after, lay_out
from .recording import Recording, record
from .sizes import IS_SOAK

__all__ = ["moments_of_blocks", "possible_losses", "recording_of", "recovered", "resumed"]

N_RANDOM = 1200 if IS_SOAK else 2
"""At each moment; in a soak they come to more than 20,000 different disks."""


@cache
def recording_of(shape: str, mutants: tuple[str, ...], parent: Path) -> Recording:
    """Return an undisturbed run, written down once in each process."""
    return record(Path(mkdtemp(dir=parent)) / shape, shape, mutants)


def possible_losses(folder: Path, shape: str) -> list[Loss]:
    """Return power losses that leave different disks behind."""
    recording = recording_of(shape, (), folder.parent)
    losses: dict[tuple[object, ...], Loss] = {}
    for number in range(1, len(recording.effects) + 1):
        tried = [Loss(number, policy) for policy in POLICIES]
        tried += [Loss(number, "random", seed) for seed in range(N_RANDOM)]
        for loss in tried:
            losses.setdefault((number, *disk_after(recording, loss).seen()), loss)
    return list(losses.values())


def moments_of_blocks(folder: Path, shape: str, mutants: tuple[str, ...]) -> range:
    """Return the numbers of effects from the creation of the output on."""
    names = [effect.name for effect in recording_of(shape, mutants, folder.parent).effects]
    return range(names.index("reserve"), len(names) + 1)


def recovered(folder: Path, shape: str, mutants: tuple[str, ...], loss: Loss) -> list[str]:
    """Resume a job after a power loss and return what is wrong with it."""
    recording = recording_of(shape, mutants, folder.parent)
    case = recording.case
    lay_out(recording, disk_after(recording, loss))
    history = History(case, recording.digest, acknowledged=recording.acknowledged(loss.n_effects))
    history.check_finished(resumed(history, mutants))
    history.expect_no_correction()
    return history.complaints


def resumed(history: History, mutants: tuple[str, ...] = ()) -> Ending:
    """Resume a job, or run it anew where nothing of it was acknowledged and it cannot be resumed."""
    case, changes = history.case, [MUTANTS[name] for name in mutants]
    if history.acknowledged:
        history.expect(has_begun(case), "the job is gone with what it had done")
    if not case.jobs():
        return history.add(drive(case, "run", changes=changes))
    ending = history.add(drive(case, "resume", changes=changes))
    if ending.exit_code != 0 and not history.acknowledged:
        history.expect(ending.is_clean, f"it is refused with a bug: {ending}")
        ending = history.add(drive(case, "run", changes=changes))
    return ending

"""The disk as the driver meets it, who writes merged regions and stores their parts: wrong bytes and no room."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import fault_tally
import pytest
from faults.injection import ALWAYS, Script, damage, refuse
from faults.jobs import Bench
from integration.commands import digest

from arraymill.jobs import disk
from arraymill.jobs.errors import JobError

N_BLOCKS = 12
LOST = 4
HEADER, MERGED = 1, 2
"""Which of the driver's writes to the output it is."""
_Write = Callable[[int, Sequence[memoryview], int], int]


@contextmanager
def nth_write(name: str, number: int, instead: _Write) -> Iterator[list[str]]:
    """Let this process do something else in place of its n-th write to a file of that ending; list such writes."""
    write, seen = disk.pwritev, list[str]()

    def writing(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.name.endswith(name):
            seen.append(path.name)
            if len(seen) == number:
                return instead(descriptor, buffers, offset)
        return write(descriptor, buffers, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "pwritev", writing)
        yield seen


@pytest.mark.parametrize("number", [HEADER, MERGED])
def test_what_the_driver_wrote_and_the_disk_does_not_hold_is_written_again(bench: Bench, number: int) -> None:
    expected = bench.undisturbed("reduce")
    with fault_tally.counted("survived byte-identical"):
        with nth_write(".npy.partial", number, damage) as writes:
            played = bench.play("reduce", Script())
        assert len(writes) == 3
        assert digest(played.output) == expected
        assert set(played.invocations.values()) == {1}


def test_a_stored_part_that_is_not_what_was_written_runs_again(bench: Bench) -> None:
    """It is found when it is read, which only a job that is resumed does."""
    expected = bench.undisturbed("reduce")
    with fault_tally.counted("failed cleanly", 2):
        with nth_write("partials.bin", LOST, damage):
            played = bench.play("reduce", Script("exception", N_BLOCKS - 1, ALWAYS))
        assert f"block {N_BLOCKS - 1} of {N_BLOCKS} failed" in str(played.raised())
        before = played.invocations
        again = bench.resume(played)
        assert digest(again.output) == expected
        (lost,) = again.events("corrupt")
        assert again.invocations - before == {lost["block"]: 1, N_BLOCKS - 1: 1}


@pytest.mark.parametrize(
    ("name", "n_writes", "n_again"), [(".npy.partial", MERGED, 0), ("partials.bin", LOST, N_BLOCKS - LOST + 1)]
)
def test_a_disk_without_room_for_the_driver_stops_the_job(bench: Bench, name: str, n_writes: int, n_again: int) -> None:
    expected = bench.undisturbed("reduce")
    with fault_tally.counted("failed cleanly"):
        with nth_write(name, n_writes, refuse(errno.ENOSPC)):
            played = bench.play("reduce", Script())
        error = played.raised()
        assert isinstance(error, JobError)
        assert (played.state.status, played.state.exit_code, error.exit_code) == ("INTERRUPTED", 75, 75)
        assert "No space left on device" in error.cause
        assert f"arraymill resume {played.folder.id}" in error.next
        acknowledged = set(played.settled.done)
        assert len(acknowledged) == N_BLOCKS - n_again
        before = played.invocations
        again = bench.resume(played)
        assert digest(again.output) == expected
        assert (again.invocations - before).keys() == set(range(N_BLOCKS)) - acknowledged
        assert not Path(f"{again.output}.partial").exists()

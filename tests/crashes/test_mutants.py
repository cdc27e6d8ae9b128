"""The tests of crashes are tested: each precaution of the protocol that is taken out is noticed by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_tally import counted

from crashes.checking import History
from crashes.drivers import drive
from crashes.effects import Flip
from crashes.flips import flipped
from crashes.mutants import MUTANTS
from crashes.pool import Cases
from crashes.power import Loss, Policy
from crashes.recording import undisturbed
from crashes.recovery import moments_of_blocks, recovered
from crashes.shapes import new_case


def is_noticed_after_losses(cases: Cases, shape: str, mutant: str, policy: Policy, complaint: str) -> bool:
    """Return whether there is a complaint about a mutant after power losses of one kind."""
    moments = cases.one(moments_of_blocks, shape, (mutant,))
    tries = [(shape, (mutant,), Loss(number, policy)) for number in moments]
    return cases.any(lambda complaints: any(complaint in said for said in complaints), recovered, tries)


def complaints_after_flip(cases: Cases, shape: str, mutant: str, file: str, position: int) -> list[str]:
    """Return what is wrong with a mutant after one bit of what is done has changed."""
    return cases.one(flipped, shape, file, position, set(range(100)), (mutant,))[1]


def written_wrong(folder: Path, shape: str, digest: str, at: int, mutants: tuple[str, ...]) -> list[str]:
    """Run a job on a disk that gets one write wrong, and return what is wrong with it."""
    case = new_case(folder, shape)
    history = History(case, digest)
    ending = drive(case, "run", Flip(at), changes=[MUTANTS[name] for name in mutants])
    history.check_finished(ending)
    return history.complaints


@pytest.mark.parametrize(
    ("mutant", "shape", "policy", "complaint"),
    [
        ("drop_sync_of_blocks", "map", "data lost", "had been acknowledged and ran again"),
        ("write_ledger_before_data", "reduce", "all lost", "the ledger named what was not there"),
        ("keep_torn_tail", "map", "torn", "the ledger ends with"),
        ("keep_torn_tail", "reduce", "zeros", "the ledger ends with"),
    ],
)
def test_a_precaution_against_power_losses_that_is_missing_is_noticed(
    cases: Cases, mutant: str, shape: str, policy: Policy, complaint: str
) -> None:
    assert is_noticed_after_losses(cases, shape, mutant, policy, complaint)


@pytest.mark.parametrize(
    ("mutant", "shape", "file"),
    [("believe_blocks", "map", "output"), ("believe_partials", "reduce", "partials.bin")],
)
def test_blocks_that_are_believed_without_their_checksum_are_noticed(
    cases: Cases, mutant: str, shape: str, file: str
) -> None:
    # a byte that matters of a number among the first of what is done
    position = {"output": 4096, "partials.bin": 0}[file] + 8 * 50 + 6
    complaints = complaints_after_flip(cases, shape, mutant, file, position)
    assert any("the output is not that of an undisturbed run" in complaint for complaint in complaints)
    assert cases.one(flipped, shape, file, position, set(range(100)))[1] != complaints


@pytest.mark.parametrize("shape", ["map", "contract", "reduce"])
def test_what_a_disk_wrote_wrong_is_written_again_unless_nobody_reads_it_back(cases: Cases, shape: str) -> None:
    clean = cases.one(undisturbed, shape)
    complaints = cases.one(written_wrong, shape, clean.digest, clean.blocks[0], ("publish_without_reading_back",))
    assert any("not that of an undisturbed run" in complaint for complaint in complaints)
    for (_, _, at, _), complaints in cases.map(written_wrong, [(shape, clean.digest, at, ()) for at in clean.blocks]):
        with counted("survived byte-identical"):
            assert (at, complaints) == (at, [])

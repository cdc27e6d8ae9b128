"""The jobs' errors: as drawn, with their exit codes, and whole after a trip between processes."""

from __future__ import annotations

import pytest
from error_trees import check_contract, defined_tree, drawn_tree

from arraymill.jobs import errors

KINDS = [getattr(errors, name) for name in errors.__all__]


def test_the_drawn_tree_is_the_tree() -> None:
    assert drawn_tree(errors) == defined_tree(errors)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_keeps_its_contract(kind: type[errors.JobError]) -> None:
    check_contract(kind)


def test_every_kind_has_an_id_of_its_own() -> None:
    assert len({kind.id for kind in KINDS}) == len(KINDS)


def test_exit_codes_are_those_of_the_interface() -> None:
    codes = {kind.__name__: kind.exit_code for kind in KINDS}
    assert codes == {
        "BlockFailedError": 1,
        "CancelledJobError": 4,
        "CannotFitError": 6,
        "DeviceFaultError": 75,
        "DiskFullError": 6,
        "InputChangedError": 3,
        "InputError": 3,
        "InputFailedError": 3,
        "InputUnsupportedError": 3,
        "InterruptedJobError": 75,
        "JobError": 1,
        "JobRunningError": 11,
        "NoSuchJobError": 10,
        "OutputError": 2,
        "OutputFailedError": 1,
        "OutputLockedError": 11,
        "SkippedBlocksError": 7,
        "SpecError": 2,
        "StoreFullError": 75,
        "UnsafeFileError": 12,
        "UserCodeError": 1,
        "VerificationError": 8,
        "WaitTimeoutError": 5,
    }


def test_a_caller_can_catch_the_built_in_it_knows() -> None:
    with pytest.raises(OSError, match="cannot read"):
        raise errors.InputError("cannot read x.npy")
    with pytest.raises(ValueError, match="axis 3"):
        raise errors.SpecError("axis 3 is out of bounds")

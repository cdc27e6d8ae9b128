"""Facts of blame: a death is the doing of the block on the dead worker's board, and of no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_session import WorkerDiedError

from arraymill.jobs.engine import StickyDeviceError
from arraymill.jobs.errors import OutputFailedError
from arraymill.jobs.runner.casualties import Casualties
from arraymill.jobs.runner.faults import Failure


@pytest.fixture
def board(tmp_path: Path) -> Path:
    (tmp_path / "41-1").write_text("7 12.5\n")
    (tmp_path / "42-1").write_text("8 12.5\n")
    return tmp_path


def kinds(casualties: Casualties, pid: int | None, *blocks: int, is_alone: bool = False) -> list[str]:
    error = WorkerDiedError(pid)
    return [casualties.failure_of(error, block, is_alone=is_alone).kind for block in blocks]


def test_only_the_block_on_the_board_is_suspected(board: Path) -> None:
    casualties = Casualties(str(board))
    assert kinds(casualties, 41, 6, 7, 8) == ["bystander", "death", "bystander"]
    assert casualties.n_deaths == 1


def test_what_a_dead_worker_left_on_the_board_is_removed(board: Path) -> None:
    casualties = Casualties(str(board))
    kinds(casualties, 41, 6)
    assert [path.name for path in board.iterdir()] == ["42-1"]
    assert kinds(casualties, 41, 7) == ["death"]


def test_a_worker_that_died_between_blocks_has_no_suspect(board: Path) -> None:
    assert kinds(Casualties(str(board)), 99, 6, 7) == ["bystander", "bystander"]


def test_alone_there_is_nobody_else_to_suspect(board: Path) -> None:
    assert kinds(Casualties(str(board)), 99, 6, is_alone=True) == ["death"]


def test_without_a_board_all_are_suspected() -> None:
    casualties = Casualties(None)
    assert kinds(casualties, 41, 6, 7) == ["death", "death"]
    assert casualties.n_deaths == 1


def test_a_death_without_a_process_is_one_of_its_own(board: Path) -> None:
    casualties = Casualties(str(board))
    assert kinds(casualties, None, 6, 7) == ["death", "death"]
    assert casualties.n_deaths == 2


def test_a_worker_killed_on_purpose_is_nobodys_death(board: Path) -> None:
    casualties = Casualties(str(board))
    casualties.expect(41, 7, Failure("timeout", "it ran for more than 60 s"))
    assert casualties.failure_of(WorkerDiedError(41), 7, is_alone=False).message == "it ran for more than 60 s"
    assert kinds(casualties, 41, 6) == ["bystander"]
    assert (casualties.n_deaths, casualties.n_replaced) == (0, 1)


def test_what_a_worker_was_replaced_for_is_judged_once(board: Path) -> None:
    """The block whose error ended its worker may have been sent to it again before it was gone."""
    casualties = Casualties(str(board))
    casualties.expect(41, None, Failure("device", "ECC"))
    assert kinds(casualties, 41, 7, 6) == ["bystander", "bystander"]
    assert (casualties.n_deaths, casualties.n_replaced) == (0, 0)


def test_the_kernels_killer_is_told_apart(board: Path) -> None:
    casualties = Casualties(str(board))
    assert casualties.failure_of(WorkerDiedError(41, is_oom=True), 7, is_alone=False).kind == "oom"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError(5, "Input/output error"), "io", "OSError: [Errno 5] Input/output error"),
        (OutputFailedError("y.npy: cannot be written", cause="EIO"), "io", "y.npy: cannot be written: EIO"),
        (ValueError("no"), "error", "ValueError: no"),
        (StickyDeviceError("ECC", 41), "device", "ECC"),
    ],
)
def test_what_a_block_raises(error: Exception, kind: str, message: str) -> None:
    failure = Casualties(None).failure_of(error, 3, is_alone=True)
    assert (failure.kind, failure.message) == (kind, message)

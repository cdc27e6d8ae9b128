"""Facts of the board: it shows what runs, while it runs, and what a dead worker ran."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from arraymill.jobs.engine import clear_board, read_board, take_down
from arraymill.jobs.engine.board import post


def test_a_block_is_shown_while_it_runs(tmp_path: Path) -> None:
    before_s = time.monotonic()
    with post(str(tmp_path), 17):
        (running,) = read_board(str(tmp_path))
    assert (running.block, running.pid) == (17, os.getpid())
    assert before_s <= running.started_s <= time.monotonic()
    assert read_board(str(tmp_path)) == []


def test_a_block_that_raises_is_not_shown_any_more(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="oops"), post(str(tmp_path), 17):
        raise ValueError("oops")
    assert read_board(str(tmp_path)) == []


def test_shorter_lines_replace_longer_ones(tmp_path: Path) -> None:
    for block in (123456789, 1):
        with post(str(tmp_path), block):
            assert [running.block for running in read_board(str(tmp_path))] == [block]


def test_threads_have_lines_of_their_own_and_leave_no_open_file(tmp_path: Path) -> None:
    n_files = len(list(Path("/proc/self/fd").iterdir()))
    is_posted, may_end = threading.Barrier(4), threading.Event()

    def run(block: int) -> None:
        with post(str(tmp_path), block):
            is_posted.wait(60)
            may_end.wait(60)

    threads = [threading.Thread(target=run, args=(block,)) for block in range(3)]
    for thread in threads:
        thread.start()
    is_posted.wait(60)
    assert sorted(running.block for running in read_board(str(tmp_path))) == [0, 1, 2]
    may_end.set()
    for thread in threads:
        thread.join()
    assert len(list(Path("/proc/self/fd").iterdir())) <= n_files


def test_a_board_that_was_cleared_is_posted_on_again(tmp_path: Path) -> None:
    with post(str(tmp_path), 1):
        pass
    clear_board(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    with post(str(tmp_path), 2):
        assert [running.block for running in read_board(str(tmp_path))] == [2]


def test_what_a_dead_worker_ran_stays_until_it_is_taken_down(tmp_path: Path) -> None:
    (tmp_path / "4242-4243").write_text("7 12.5\n")
    (running,) = read_board(str(tmp_path))
    assert (running.pid, running.block, running.started_s) == (4242, 7, 12.5)
    take_down(running)
    take_down(running)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "7", "7 12.5", "junk\n", "7 8 9\n"])
def test_half_a_line_is_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "4242-4243").write_text(text)
    (tmp_path / "notes.txt").write_text("7 12.5\n")
    assert read_board(str(tmp_path)) == []


def test_a_board_that_is_not_there_costs_only_the_knowledge(tmp_path: Path) -> None:
    folder = str(tmp_path / "nowhere")
    with post(folder, 1):
        assert read_board(folder) == []
    clear_board(folder)
    with post(None, 1):
        pass

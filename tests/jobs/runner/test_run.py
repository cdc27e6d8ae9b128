"""Facts of whole runs: what counts as done, how a run stops and goes on, and that no schedule changes a bit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import plan_arrays
from scripted_runs import ScriptedRun
from scripted_session import Die, DieUnseen, Hang, Lose, ScriptedJournal, ScriptedSession

from arraymill.jobs.arrays import MemorySource, MemoryTarget
from arraymill.jobs.blocks import Grid
from arraymill.jobs.engine import Work, work
from arraymill.jobs.errors import InterruptedJobError, JobError, StoreFullError
from arraymill.jobs.runner import FaultPolicy, Progress, Stop, run_work

NAMES = ("map", "max", "sum")


@pytest.fixture
def run(tmp_path: Path) -> ScriptedRun:
    return ScriptedRun(tmp_path)


def test_a_block_counts_once_it_is_committed(run: ScriptedRun) -> None:
    seen: list[tuple[int, int]] = []
    run.run(on_progress=lambda progress: seen.append((progress.done_blocks, len(run.journal.committed))))
    assert seen == [(n, n) for n in (3, 6, 9, 12)]


def test_progress_adds_up(run: ScriptedRun) -> None:
    outcome = run.run({3: [OSError(5, "no")], 5: [Die()]})
    progress = outcome.progress
    assert (progress.bytes_read, progress.bytes_written) == (run.array.nbytes, run.array.nbytes)
    assert progress.done_bytes == 2 * run.array.nbytes
    assert set(progress.seconds) == {"read", "to_device", "compute", "write"}
    assert progress.deaths == 1
    assert progress.retries >= 2


def stop_at(n_done: int, stop: Stop, how: str) -> Any:
    def look(progress: Progress) -> None:
        if progress.done_blocks >= n_done:
            getattr(stop, how)()

    return look


def test_draining_finishes_what_runs_and_sends_nothing_more(run: ScriptedRun) -> None:
    stop = Stop()
    with pytest.raises(InterruptedJobError) as caught:
        run.run(stop=stop, on_progress=stop_at(3, stop, "drain"))
    assert caught.value.what == "stopped after 6 of 12 blocks"
    assert caught.value.next == "arraymill resume ab12"
    assert len(run.session.submitted) == len(run.journal.committed) == 6


def test_leaving_commits_what_has_arrived_and_waits_for_nothing(run: ScriptedRun) -> None:
    stop = Stop()
    with pytest.raises(InterruptedJobError, match="stopped after 3 of 12 blocks"):
        run.run(stop=stop, on_progress=stop_at(3, stop, "leave"))
    assert len(run.journal.committed) == 3
    assert [future.is_cancelled for future in run.session.submitted if future.outcome is None] == [True] * 3


def test_a_wish_to_stop_that_comes_at_the_end_stops_nothing(run: ScriptedRun) -> None:
    stop = Stop()
    run.run(stop=stop, on_progress=stop_at(12, stop, "drain"))
    assert run.is_right()


def test_draining_before_the_first_block_sends_none(run: ScriptedRun) -> None:
    stop = Stop()
    stop.drain()
    with pytest.raises(InterruptedJobError, match="stopped after 0 of 12"):
        run.run(stop=stop)
    assert run.session.submitted == []


def test_draining_does_not_try_again(run: ScriptedRun) -> None:
    stop = Stop()
    with pytest.raises(InterruptedJobError):
        run.run({block: [OSError(5, "no")] for block in (4, 5)}, stop=stop, on_progress=stop_at(3, stop, "drain"))
    assert run.session.runs[4] == run.session.runs[5] == 1


def test_draining_does_not_wait_for_a_hung_block_for_ever(run: ScriptedRun) -> None:
    stop = Stop()
    with pytest.raises(InterruptedJobError):
        run.run({4: [Hang()]}, stop=stop, on_progress=stop_at(3, stop, "drain"))
    assert len(run.session.replaced) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["drain", "leave"])
def test_a_stopped_run_goes_on_where_it_was(name: str, how: str, tmp_path: Path) -> None:
    run, stop = ScriptedRun(tmp_path, name), Stop()
    with pytest.raises(InterruptedJobError):
        run.run(stop=stop, on_progress=stop_at(3, stop, how))
    before = set(run.journal.committed)
    run.run(done=run.journal.settled())
    assert set(run.session.runs) == set(range(12)) - before
    assert run.is_right()
    assert run.progress[-1].done_blocks == 12


def test_a_stored_partial_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    run, stop = ScriptedRun(tmp_path, "max"), Stop()
    with pytest.raises(InterruptedJobError):
        run.run(stop=stop, on_progress=stop_at(6, stop, "leave"))
    before = set(run.journal.committed)
    run.journal.unreadable = {2, 4}
    run.run(done=run.journal.settled())
    assert set(run.session.runs) == set(range(12)) - before | {2, 4}
    assert sorted(run.journal.blocks_of("corrupt")) == [2, 4]
    assert run.is_right()
    assert run.progress[-1].done_blocks == 12


def test_a_receipt_without_its_partial_is_not_believed(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, "max")
    run.run()
    del run.journal.stored[5]
    run.run(done=run.journal.settled())
    assert run.session.runs == {5: 1}
    assert run.is_right()


def test_a_run_of_blocks_that_are_all_done_sends_nothing(run: ScriptedRun) -> None:
    run.run()
    outcome = run.run(done=run.journal.settled())
    assert run.session.submitted == []
    assert (outcome.records, outcome.progress.done_blocks) == ((), 12)


@pytest.mark.parametrize("full_after", [0, 4, 8])
def test_a_full_journal_ends_the_run_at_once(full_after: int, tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, journal=ScriptedJournal(full_after=full_after))
    with pytest.raises(StoreFullError):
        run.run()
    assert run.journal.n_commits == full_after // 3 + 1
    assert all(future.is_cancelled for future in run.session.submitted if future.outcome is None)


def test_what_earlier_runs_left_on_the_board_is_removed(run: ScriptedRun) -> None:
    (run.board / "4242-4242").write_text("3 0.5\n")
    run.run()
    assert run.session.replaced == []
    assert not (run.board / "4242-4242").exists()


@contextmanager
def narrow(run: ScriptedRun) -> Iterator[None]:
    """Let memory run out for pieces as large as planned."""
    run_stage, planned = work._run_stage, run.work.stage.pieces

    def refuse(shared: Any, stage: Any, *rest: Any) -> Any:
        if stage.pieces == planned:
            raise MemoryError("too large")
        return run_stage(shared, stage, *rest)

    with patch.object(work, "_run_stage", refuse):
        yield


def test_a_split_that_keeps_bits_is_remembered_for_the_blocks_to_come(run: ScriptedRun) -> None:
    with narrow(run):
        outcome = run.run()
    sent = [future.args[2].n_splits for future in run.session.submitted]
    assert (sent[0], sent[-1]) == (0, 1)
    assert {record.n_splits for record in outcome.records} == {1}
    # those that were out before the first one came back
    assert outcome.progress.splits == run.journal.kinds()["split"] == 1
    assert run.is_right()


def test_a_later_run_begins_with_the_splits_of_the_earlier_one(run: ScriptedRun) -> None:
    with narrow(run):
        run.run(done=run.journal.settled(splits=1))
    assert {future.args[2].n_splits for future in run.session.submitted} == {1}


def test_a_split_that_may_change_bits_is_made_by_each_block_for_itself(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, "sum", n_blocks=4)
    with narrow(run):
        run.run(done=run.journal.settled(splits=1))
    assert {future.args[2].n_splits for future in run.session.submitted} == {0}
    assert run.journal.kinds()["split"] == 4
    assert all(fields["changes_bits"] for kind, fields in run.journal.events if kind == "split")
    assert run.is_right()


STEPS = st.sampled_from(
    [None, OSError(5, "no"), ValueError("a"), ValueError("b"), Die(), Die(is_oom=True), DieUnseen(), Hang(), Lose()]
)


@settings(max_examples=60)
@given(
    name=st.sampled_from(NAMES),
    script=st.dictionaries(st.integers(0, 11), st.lists(STEPS, min_size=1, max_size=6), max_size=6),
    seed=st.integers(0, 1000),
    n_workers=st.integers(1, 4),
    group=st.integers(1, 5),
    max_worker_deaths=st.integers(0, 12),
)
def test_whatever_happens_a_run_ends_and_a_second_one_finishes_it(
    name: str, script: dict[int, list[Any]], seed: int, n_workers: int, group: int, max_worker_deaths: int
) -> None:
    with tempfile.TemporaryDirectory() as board:
        run = ScriptedRun(Path(board), name, n_workers=n_workers, journal=ScriptedJournal(group=group))
        try:
            run.run(script, seed=seed, max_worker_deaths=max_worker_deaths)
        except JobError:
            pass
        else:
            assert run.is_right()
            assert sorted(run.journal.committed) == list(range(12))
        n_deaths = run.journal.kinds()["death"] + run.journal.kinds()["timeout"]
        for block, n_runs in run.session.runs.items():
            # its own failures, and those of others only where it was on the board of a worker that died
            assert n_runs <= 1 + len(script.get(block, []))
        sent = [future.block for future in run.session.submitted]
        assert max(sent.count(block) for block in range(12)) <= 1 + n_deaths + 6
        # the last look may find several that hang
        assert n_deaths <= max_worker_deaths + n_workers
        assert len(set(run.journal.committed)) == len(run.journal.committed)
        before = set(run.journal.committed)
        run.run(done=run.journal.settled(), seed=seed)
        assert set(run.session.runs) == set(range(12)) - before
        assert run.is_right()


def test_a_product_cut_along_k_merges_the_same_way_after_a_stop(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((4, 4096)), rng.standard_normal((4096, 4))
    planned: Any = plan_arrays("matmul", [a, b]).stage
    stage = replace(planned, grid=Grid((4, 4, 4096), (4, 4, 1024)), slab=512)
    answers = set()
    for script in ({}, {1: [Die()]}, {0: [OSError(5, "no")] * 2}):
        target = MemoryTarget(np.zeros((4, 4)))
        product = Work(stage, (MemorySource("a", a), MemorySource("b", b)), None, "numpy", board=str(tmp_path))
        with target.open() as writer:
            session = ScriptedSession(script, board=tmp_path, seed=len(answers))
            clock = session.clock
            run_work(
                product,
                session,
                job_id="ab12",
                write_result=writer.write,
                fault=FaultPolicy(),
                journal=ScriptedJournal(),
                now=clock.now,
                sleep=clock.sleep,
            )
        answers.add(target.array.tobytes())
    assert len(answers) == 1

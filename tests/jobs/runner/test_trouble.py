"""Facts of runs that go wrong: how often each block runs, what is said, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted_runs import ScriptedRun
from scripted_session import Die, DieUnseen, Hang, Lose, ScriptedSession, WorkerDiedError

from arraymill.jobs.errors import BlockFailedError, CannotFitError, DeviceFaultError, JobError, UserCodeError

BUSY = OSError(16, "Device or resource busy")
NAMES = ("map", "max", "sum")


@pytest.fixture
def run(tmp_path: Path) -> ScriptedRun:
    return ScriptedRun(tmp_path)


def once(run: ScriptedRun, *, but: dict[int, int]) -> bool:
    """Return whether every block ran once, but for some."""
    return run.session.runs == {block: but.get(block, 1) for block in range(run.n_blocks)}


@pytest.mark.parametrize("name", NAMES)
def test_a_quiet_run_has_no_trouble(name: str, tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, name)
    outcome = run.run()
    assert once(run, but={})
    assert run.is_right()
    assert sorted(run.journal.committed) == list(range(12))
    assert run.journal.events == []
    assert (outcome.progress.done_blocks, outcome.progress.retries, outcome.holes) == (12, 0, ())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block", [0, 5, 11])
@pytest.mark.parametrize(
    "steps",
    [
        *([BUSY], [BUSY] * 3, [ValueError("flaky")], [Die()], [Die()] * 2, [DieUnseen()], [Hang()], [Lose()]),
        *([Die(is_oom=True)], [Die(), BUSY], [BUSY, Die(), ValueError("flaky")], [Hang(), Die()], [Lose(), BUSY]),
    ],
    ids=lambda steps: "-".join(type(step).__name__ for step in steps),
)
def test_what_passes_costs_one_more_run_each_and_no_bit(
    name: str, block: int, steps: list[Any], tmp_path: Path
) -> None:
    run = ScriptedRun(tmp_path, name)
    run.run({block: steps})
    assert once(run, but={block: 1 + len(steps)})
    assert run.is_right()
    assert sorted(run.journal.committed) == list(range(12))


def test_an_error_of_reading_waits_without_holding_others_up(run: ScriptedRun) -> None:
    run.run({3: [BUSY] * 2})
    assert [future.block for future in run.session.submitted[-2:]] == [3, 3]
    assert run.clock.slept == [pytest.approx(0.1), pytest.approx(0.2)]


def test_an_error_of_reading_for_ever_fails_the_block_after_the_rest(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError) as caught:
        run.run({3: [BUSY] * 9}, retries=2)
    assert once(run, but={3: 3})
    assert str(caught.value) == (
        "block 3 of 12 failed 3 times (rows 3:4 of x.npy)\n"
        "  cause: OSError: [Errno 16] Device or resource busy\n"
        "  safe:  11 of 12 blocks are done and verified\n"
        "  next:  arraymill explain ab12 --block 3; then arraymill resume ab12"
    )
    assert run.journal.blocks_of("failed") == [3]


def test_without_a_journal_the_first_block_that_fails_ends_the_run(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError, match="block 3 of 12") as caught:
        run.run({3: [ValueError("no")] * 2}, is_kept=False)
    assert caught.value.safe == "inputs are untouched, and no output was left behind"
    assert sum(run.session.runs.values()) < 13


@pytest.mark.parametrize("name", NAMES)
def test_after_a_block_failed_a_second_run_does_only_that_block(name: str, tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, name)
    with pytest.raises(BlockFailedError):
        run.run({3: [ValueError("no")] * 2})
    run.run(done=run.journal.settled())
    assert run.session.runs == {3: 1}
    assert run.is_right()
    assert run.progress[-1].done_blocks == 12


def test_two_exceptions_that_differ_leave_a_third_attempt(run: ScriptedRun) -> None:
    run.run({3: [ValueError("a"), ValueError("b")]})
    assert once(run, but={3: 3})
    with pytest.raises(BlockFailedError, match="failed 3 times"):
        run.run({3: [ValueError("a"), ValueError("b"), ValueError("c")]})


def test_the_lowest_of_the_blocks_that_failed_is_named(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError, match="block 2 of 12") as caught:
        run.run({5: [ValueError("a")] * 2, 2: [ValueError("b")] * 2})
    assert caught.value.safe == "10 of 12 blocks are done and verified"


def test_when_block_after_block_fails_the_rest_is_not_tried(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, n_blocks=40)
    script: dict[int, list[Any]] = {block: [ValueError(f"{block}")] * 2 for block in range(1, 40)}
    with pytest.raises(BlockFailedError):
        run.run(script)
    assert len(run.journal.blocks_of("failed")) == 8


def test_the_same_error_of_the_first_blocks_ends_the_run(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError, match=r"block \d of 12 failed 2 times"):
        run.run({block: [ValueError("no")] * 2 for block in range(12)})
    assert len(run.session.runs) <= 4


def test_in_a_long_job_the_first_block_runs_alone_and_fails_for_all(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, n_blocks=70)
    with pytest.raises(BlockFailedError, match="block 0 of 70"):
        run.run({0: [ValueError("no")] * 2})
    assert run.session.runs == {0: 2}
    run.run({0: [Die(), BUSY]})
    assert run.session.out_beside[0] == [0, 0, 0]
    assert once(run, but={0: 3})


def test_a_block_that_dies_alone_three_times_is_named(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError, match="block 3 of 12 failed 4 times") as caught:
        run.run({3: [Die()] * 9})
    assert run.session.out_beside[3][1:] == [0, 0, 0]
    assert "was killed by SIGKILL while this block ran alone, 3 times" in caught.value.cause
    assert caught.value.safe == "11 of 12 blocks are done and verified"
    assert once(run, but={3: 4})


def test_blocks_that_waited_behind_a_death_are_not_blamed(run: ScriptedRun) -> None:
    run.run({3: [Die()] * 3}, max_worker_deaths=5)
    reasons = {(fields["block"], fields["why"]) for kind, fields in run.journal.events if kind == "retry"}
    assert {block for block, why in reasons if why == "death"} == {3}
    assert {why for block, why in reasons if block != 3} <= {"bystander"}
    assert run.is_right()


def test_an_innocent_block_runs_once_more_for_each_death_at_most(run: ScriptedRun) -> None:
    with pytest.raises(JobError, match="6 workers died, and the job survives 5") as caught:
        run.run({block: [Die()] * 9 for block in range(1, 12)})
    assert type(caught.value) is JobError
    assert run.session.runs[0] == 1
    assert "was killed by SIGKILL" in caught.value.cause


def test_deaths_before_a_block_began_are_counted_too(run: ScriptedRun) -> None:
    with pytest.raises(JobError, match="workers died"):
        run.run({block: [DieUnseen()] * 9 for block in range(12)}, max_worker_deaths=3)
    assert sum(run.session.runs.values()) == 4


def test_without_a_board_all_tasks_of_a_dead_worker_run_alone(run: ScriptedRun) -> None:
    run.work = replace(run.work, board=None)
    run.run({3: [Die()] * 2})
    assert run.session.out_beside[3] == [3, 0, 0]
    assert run.is_right()


def test_a_block_killed_for_memory_alone_does_not_fit(run: ScriptedRun) -> None:
    with pytest.raises(CannotFitError, match="block 3 of 12 takes more memory than there is") as caught:
        run.run({3: [Die(is_oom=True)] * 9})
    assert caught.value.exit_code == 6
    assert run.session.runs[3] == 2
    attempts = [future.args[2].n_splits for future in run.session.submitted if future.block == 3]
    assert attempts == [0, 1]


def test_too_many_deaths_for_memory_do_not_fit(run: ScriptedRun) -> None:
    with pytest.raises(CannotFitError, match="3 workers died, the last one for want of memory, and the job survives 2"):
        run.run({block: [Die(is_oom=True)] for block in range(12)}, max_worker_deaths=2)


def test_a_hung_block_has_its_worker_replaced_and_runs_again(run: ScriptedRun) -> None:
    run.run({3: [Hang()]})
    assert len(run.session.replaced) == 1
    assert run.progress[-1].timeouts == run.journal.kinds()["timeout"] == 1
    assert run.journal.kinds()["death"] == 0
    assert run.clock.seconds < 1000 + 70


def test_a_block_that_hangs_twice_fails(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError, match="block 3 of 12 failed 2 times") as caught:
        run.run({3: [Hang()] * 3}, timeout_s=5.0)
    assert caught.value.cause == "it ran for more than 5 s"
    assert once(run, but={3: 2})


def test_the_first_block_has_ten_minutes(run: ScriptedRun) -> None:
    run.run({0: [Hang()], 1: [Hang()]})
    assert 1600 < run.clock.seconds < 1610


def test_a_result_that_never_arrives_is_waited_for_a_minute(run: ScriptedRun) -> None:
    """Its worker hangs where no block is to blame: nobody knows which it is, and all are idle."""
    run.run({3: [Lose()]})
    assert len(run.session.replaced) == run.session.n_workers
    assert once(run, but={3: 2})
    assert 1060 < run.clock.seconds < 1065
    assert run.is_right()


def test_workers_that_are_just_starting_again_are_waited_for(run: ScriptedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced, replace = [], ScriptedSession.replace

    def replace_later(session: ScriptedSession, pid: int) -> bool:
        replaced.append(pid)
        return len(replaced) > 6 and replace(session, pid)

    monkeypatch.setattr(ScriptedSession, "replace", replace_later)
    run.run({3: [Lose()]}, max_worker_deaths=1)
    assert run.is_right()
    assert run.journal.kinds()["timeout"] == 1


def test_a_back_off_that_is_over_is_no_reason_to_spin_while_a_block_is_out_alone(run: ScriptedRun) -> None:
    run.run({3: [Die(), Lose()], 5: [BUSY]}, timeout_s=3.0)
    assert run.is_right()
    assert 1060 < run.clock.seconds < 1070


def test_results_that_never_arrive_end_the_job_at_last(run: ScriptedRun) -> None:
    with pytest.raises(JobError, match="3 workers died, and the job survives 2") as caught:
        run.run({3: [Lose()] * 9}, max_worker_deaths=2)
    assert caught.value.cause == "no worker ran a block for 60 s"
    assert once(run, but={3: 3})


def test_a_device_that_sticks_has_its_worker_replaced_then_retired_and_no_block_is_blamed(run: ScriptedRun) -> None:
    run.bad_devices = frozenset({"cpu1"})
    run.run(max_worker_deaths=0, retries=0)
    assert (len(run.session.replaced), run.session.retired, run.session.n_workers) == (1, ["cpu1"], 1)
    assert run.is_right()
    assert [fields["action"] for kind, fields in run.journal.events if kind == "device"] == ["replace", "retire"]
    assert run.progress[-1].deaths == 0


def test_when_no_device_is_left_the_job_is_interrupted(run: ScriptedRun) -> None:
    run.bad_devices = frozenset({"cpu0", "cpu1"})
    with pytest.raises(DeviceFaultError, match="no device is left that works") as caught:
        run.run()
    assert caught.value.exit_code == 75
    assert sorted(run.session.retired) == ["cpu0", "cpu1"]
    assert "illegal memory access" in caught.value.cause
    run.bad_devices = frozenset()
    run.run(done=run.journal.settled())
    assert run.is_right()


def test_a_device_of_this_process_cannot_be_replaced(run: ScriptedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedSession, "kind", "inline")
    run.bad_devices = frozenset({"cpu0", "cpu1"})
    with pytest.raises(DeviceFaultError):
        run.run()
    assert (run.session.replaced, sum(run.session.runs.values())) == ([], 1)


def test_a_block_that_fails_may_be_left_out(run: ScriptedRun) -> None:
    outcome = run.run({3: [ValueError("no")] * 2}, on_error="skip")
    assert outcome.holes == (3,)
    assert run.journal.blocks_of("hole") == [3]
    assert np.isnan(run.target.array[3]).all()
    assert np.array_equal(np.delete(run.target.array, 3, 0), np.delete(run.expected(), 3, 0))
    assert run.progress[-1].holes == 1


def test_what_was_left_out_is_not_tried_again(run: ScriptedRun) -> None:
    run.run({3: [ValueError("no")] * 2}, on_error="skip")
    again = run.run(done=run.journal.settled(), on_error="skip")
    assert again.holes == (3,)
    assert run.session.runs == {}


def test_a_part_of_a_region_cannot_be_left_out(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, "max")
    with pytest.raises(BlockFailedError, match="block 3"):
        run.run({3: [ValueError("no")] * 2}, on_error="skip")


def test_the_same_error_of_the_first_blocks_leaves_nothing_out_but_one(run: ScriptedRun) -> None:
    with pytest.raises(BlockFailedError):
        run.run({block: [ValueError("no")] * 2 for block in range(12)}, on_error="skip")
    assert len(run.journal.blocks_of("hole")) == 1


def test_an_error_of_the_users_code_is_not_tried_again_and_may_be_left_out(run: ScriptedRun) -> None:
    errors = {block: [UserCodeError(f"f failed on block {block}", cause="File\nValueError: no")] for block in range(12)}
    with pytest.raises(UserCodeError, match="block 3"):
        run.run({3: errors[3]})
    outcome = run.run({3: errors[3], 7: errors[7]}, on_error="skip")
    assert outcome.holes == (3, 7)
    assert once(run, but={})
    with pytest.raises(BlockFailedError, match="ValueError: no"):
        run.run(errors, on_error="skip")


def test_an_error_that_says_what_to_do_ends_the_run_and_keeps_what_is_done(run: ScriptedRun) -> None:
    error = JobError("x.npy changed")
    with pytest.raises(JobError) as caught:
        run.run({7: [error]})
    assert caught.value is error
    assert set(range(5)) <= set(run.journal.committed)
    assert run.journal.waiting == []


def test_a_death_without_a_process_is_survived(run: ScriptedRun) -> None:
    run.run({3: [WorkerDiedError(None)]})
    assert run.is_right()

"""Every kind of fault, at the first, a middle and the last block, of every shape of job: each ends as it must."""

from __future__ import annotations

import fault_tally
import pytest
from faults.cases import Case, all_cases, chosen_cases
from faults.jobs import SHAPES, Bench, Played
from faults.sizes import IS_SOAK
from integration.commands import digest, wait_until
from worker_tasks import alive

from arraymill.jobs.errors import JobError

CASES = list(all_cases(3) if IS_SOAK else chosen_cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_ends_as_it_must(bench: Bench, case: Case) -> None:
    expected = bench.undisturbed(case.shape)
    with fault_tally.counted("failed cleanly" if case.exit_code else "survived byte-identical"):
        played = bench.play(case.shape, case.script, **case.fault)
        assert_struck(played, case)
        assert_only_the_block_that_was_hit_is_blamed(played, case)
        if case.exit_code:
            assert_failed_cleanly(played, case)
            played = bench.resume(played)
        assert played.error is None
        assert digest(played.output) == expected
        assert_nothing_done_ran_again(played, case)


def assert_struck(played: Played, case: Case) -> None:
    """Check that the fault struck as often as it should, and that a worker that was to end is gone."""
    hits = played.hits
    assert len(hits) == min(case.script.times, case.n_invocations)
    if case.is_deadly:
        wait_until(lambda: not alive({hit.pid for hit in hits}), "the end of the worker")


def assert_only_the_block_that_was_hit_is_blamed(played: Played, case: Case) -> None:
    block = case.script.block
    assert played.invocations[block] == case.n_invocations
    retries = played.events("retry")
    assert case.is_deadly or "bystander" not in {event["why"] for event in retries}
    blame = [(event["block"], event["why"]) for event in retries if event["why"] != "bystander"]
    assert blame == [(block, why) for why in case.blame]
    for kind in ("failed", "timeout", "split", "corrupt", "hole", "device"):
        assert [event["block"] for event in played.events(kind)] == [block] * case.events.get(kind, 0), kind


def assert_failed_cleanly(played: Played, case: Case) -> None:
    error = played.raised()
    assert isinstance(error, JobError), error
    assert error.exit_code == played.state.exit_code == case.exit_code
    assert [word for word in case.words if word not in str(error)] == [], error
    assert played.state.status == ("INTERRUPTED" if case.exit_code == 75 else "FAILED")
    assert f"arraymill resume {played.folder.id}" in error.next or not played.settled.done
    assert not played.output.exists()
    if case.kind in ("exception", "eio"):
        # the rest was finished first
        assert set(played.settled.done) == set(range(played.shape.n_blocks)) - {case.script.block}


def assert_nothing_done_ran_again(played: Played, case: Case) -> None:
    """Check that blocks that were acknowledged before the fault never ran after it."""
    counts, blocks = played.invocations, range(SHAPES[case.shape].n_blocks)
    for hit in played.hits:
        untouched = {block: n for block, n in hit.acknowledged.items() if block != case.script.block}
        assert {block: counts[block] for block in untouched} == untouched
    if case.position != "first":
        assert played.hits[0].acknowledged
    # what was under way when a worker ended, or when the job did, may have run twice
    most = 2 if case.is_deadly or case.exit_code else 1
    assert {block for block in blocks if not 1 <= counts[block] <= most} <= {case.script.block}

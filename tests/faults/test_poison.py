"""A block that kills every worker that it meets: named, nobody else blamed, everything else done, in bounded time."""

from __future__ import annotations

import fault_tally
import numpy as np
import pytest
from faults.injection import ALWAYS, Script
from faults.jobs import SHAPES, Bench, Played, open_bench
from integration.commands import digest, wait_until
from worker_tasks import alive

from arraymill.jobs.errors import BlockFailedError, DeviceFaultError
from arraymill.jobs.runner import deadlines

POISON = 5
N_DEATHS = 4
"""The first may have been another block's doing; then three while it ran alone."""


def assert_everything_else_is_done(played: Played) -> None:
    others = set(range(played.shape.n_blocks)) - {POISON}
    assert set(played.settled.done) == others
    assert {block for block, n in played.invocations.items() if n > 2} == {POISON}
    for hit in played.hits:
        assert {block: played.invocations[block] for block in hit.acknowledged} == hit.acknowledged


def assert_nobody_else_is_blamed(played: Played) -> None:
    assert len(played.hits) == played.invocations[POISON] == N_DEATHS
    assert {event["block"] for event in played.events("retry") if event["why"] != "bystander"} == {POISON}
    assert len(played.events("death")) == N_DEATHS


@pytest.mark.parametrize("shape", ["map", "reduce", "contract"])
def test_a_poison_block_fails_the_job_by_its_name(bench: Bench, shape: str) -> None:
    expected = bench.undisturbed(shape)
    with fault_tally.counted("failed cleanly", N_DEATHS):
        played = bench.play(shape, Script("sigkill", POISON, ALWAYS))
        error = played.raised()
        assert isinstance(error, BlockFailedError)
        assert error.what.startswith(f"block {POISON} of {SHAPES[shape].n_blocks} failed {N_DEATHS} times (")
        assert "was killed by SIGKILL while this block ran alone, 3 times" in error.cause
        assert f"arraymill explain {played.folder.id} --block {POISON}" in error.next
        assert (played.state.status, played.state.exit_code) == ("FAILED", 1)
        assert [event["block"] for event in played.events("failed")] == [POISON]
        assert_nobody_else_is_blamed(played)
        assert_everything_else_is_done(played)
        before = played.invocations
        again = bench.resume(played)
        assert digest(again.output) == expected
        assert again.invocations - before == {POISON: 1}


def test_a_poison_block_may_be_skipped(bench: Bench) -> None:
    with fault_tally.counted("failed cleanly", N_DEATHS):
        played = bench.play("map", Script("sigkill", POISON, ALWAYS), on_error="skip")
        assert played.error is None
        assert played.outcome is not None
        assert played.outcome.skipped is not None
        assert (played.state.status, played.state.exit_code) == ("DONE", 7)
        assert [event["block"] for event in played.events("hole")] == [POISON]
        assert played.settled.holes == {POISON}
        assert_nobody_else_is_blamed(played)
        assert_everything_else_is_done(played)
        found, expected = np.load(played.output), np.load(bench.path / "x.npy") * 2 + 1
        rows = slice(16 * POISON, 16 * (POISON + 1))
        assert np.isnan(found[rows]).all()
        expected[rows] = np.nan
        np.testing.assert_array_equal(found, expected)


def test_too_many_deaths_end_the_job_with_the_last_cause(bench: Bench) -> None:
    expected = bench.undisturbed("map")
    with fault_tally.counted("failed cleanly", 2):
        played = bench.play("map", Script("sigkill", POISON, ALWAYS), max_worker_deaths=1)
        error = played.raised()
        assert "2 workers died, and the job survives 1 (fault.max_worker_deaths)" in str(error)
        assert "was killed by SIGKILL" in str(error)
        assert (played.state.status, played.state.exit_code) == ("FAILED", 1)
        assert digest(bench.resume(played).output) == expected


def test_a_worker_that_hangs_between_blocks_is_replaced_and_no_block_blamed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not on the board, and nobody runs anything: all are replaced, since nobody knows which it is."""
    expected = bench.undisturbed("map")
    monkeypatch.setattr(deadlines, "SHORTEST_S", 8.0)
    with fault_tally.counted("survived byte-identical"):
        played = bench.play("map", Script("sigstop", POISON, moment="end"), timeout_s=8.0)
        assert played.error is None
        assert digest(played.output) == expected
        (hit,) = played.hits
        wait_until(lambda: not alive([hit.pid]), "the end of the worker")
        assert {event["why"] for event in played.events("retry")} == {"bystander"}
        assert {event["message"] for event in played.events("timeout")} == {"no worker ran a block for 8 s"}
        assert {block: played.invocations[block] for block in hit.acknowledged} == hit.acknowledged


def test_no_device_that_works_is_left_and_the_job_can_be_resumed(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two faults that stick retire a worker; with the last one the job stops, and goes on in another place."""
    expected = bench.undisturbed("map")
    with fault_tally.counted("failed cleanly", 4):
        with open_bench(tmp_path_factory.mktemp("broken")) as broken:
            played = broken.play("map", Script("sticky", POISON, ALWAYS))
            assert broken.session.n_workers == 0
        error = played.raised()
        assert isinstance(error, DeviceFaultError)
        assert "an illegal memory access" in error.cause
        assert (played.state.status, played.state.exit_code) == ("INTERRUPTED", 75)
        actions = sorted(event["action"] for event in played.events("device"))
        assert actions == ["replace", "replace", "retire", "retire"]
        assert digest(bench.resume(played).output) == expected

"""Facts of batching: short blocks travel together, as many as a tenth of a second and a megabyte hold."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.engine import BlockRecord, BlockResult
from arraymill.jobs.runner.batching import Batching


def result(seconds: float, partial_bytes: int = 0) -> BlockResult:
    record = BlockRecord(0, 1, 0.0, seconds, 0, 0, 0)
    return BlockResult(record, (np.zeros(partial_bytes, "u1"),) if partial_bytes else None)


def learnt(*results: BlockResult, is_on: bool = True) -> Batching:
    batching = Batching(is_on=is_on)
    for one in results:
        batching.learn(one)
    return batching


@pytest.mark.parametrize(
    ("seconds", "n_fresh", "size"),
    [(0.0, 1000, 200), (0.0, 100, 50), (0.0, 8, 20), (0.0095, 1000, 10), (0.05, 1000, 1), (60.0, 1000, 1)],
)
def test_a_task_holds_a_tenth_of_a_second_and_the_last_blocks_are_shared_out(
    seconds: float, n_fresh: int, size: int
) -> None:
    assert learnt(result(seconds)).size(n_fresh, n_workers=2) == size


def test_before_any_block_is_done_each_goes_by_itself() -> None:
    assert learnt().size(1000, n_workers=2) == 1


def test_a_median_is_not_misled_by_the_first_block() -> None:
    assert learnt(result(3.0), result(0.0), result(0.0)).size(1000, n_workers=2) == 200


def test_large_partials_do_not_pile_up() -> None:
    assert learnt(result(0.0, 1 << 18)).size(1000, n_workers=2) == 4
    assert learnt(result(0.0, 1 << 24)).size(1000, n_workers=2) == 1


def test_it_learns_until_a_block_is_done() -> None:
    assert learnt().is_learning
    assert not learnt(result(1.0)).is_learning
    assert not learnt(is_on=False).is_learning


def test_it_can_be_off() -> None:
    assert learnt(result(0.0), is_on=False).size(1000, n_workers=2) == 1

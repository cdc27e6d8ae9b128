"""Facts of the merger: block order whatever the order of arrival, and no partial held for longer than it must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.runner import Merger

X = np.arange(1000.0)


def stage_of(x: Any = X, **params: Any) -> Any:
    stage: Any = plan_arrays("sum", [x], params, block_bytes=80).stage
    assert stage.n_parts > 1
    return stage


def part(value: float) -> tuple[Any, ...]:
    return (np.array([[value]]),)


def test_a_region_is_written_when_its_last_part_came() -> None:
    written: list[float] = []
    merger = Merger(stage_of(), lambda region, block: written.append(float(block)))
    for index in reversed(range(100)):
        assert written == []
        merger.add(index, part(index))
        assert merger.n_waiting == (100 - index if index else 0)
    assert written == [sum(range(100))]


def test_blocks_that_wrote_their_own_region_are_ignored() -> None:
    merger = Merger(stage_of(), lambda region, block: pytest.fail("nothing to write"))
    merger.add(0, None)
    assert merger.n_waiting == 0


def test_a_stored_partial_is_read_when_its_turn_comes_and_not_before() -> None:
    read: list[int] = []
    written: list[float] = []

    def load(index: int) -> Any:
        read.append(index)
        return part(index)

    merger = Merger(stage_of(), lambda region, block: written.append(float(block)))
    for index in range(1, 100):
        merger.add_stored(index, lambda index=index: load(index))  # type: ignore[misc]
    assert (read, merger.n_waiting) == ([], 0)
    merger.add(0, part(0))
    assert read == list(range(1, 100))
    assert written == [sum(range(100))]


def test_a_stored_partial_that_cannot_be_read_is_asked_for_again() -> None:
    written: list[float] = []
    merger = Merger(stage_of(), lambda region, block: written.append(float(block)))
    for index in range(100):
        merger.add_stored(index, lambda index=index: None if index in (3, 7) else part(index))  # type: ignore[misc]
    assert (merger.unreadable, written) == ([3], [])
    merger.add(3, part(3))
    assert (merger.unreadable, written) == ([3, 7], [])
    merger.add(7, part(7))
    assert written == [sum(range(100))]


def test_what_waits_for_a_block_that_failed_is_dropped() -> None:
    merger = Merger(stage_of(), lambda region, block: pytest.fail("a part is missing"))
    for index in range(1, 100):
        merger.add(index, part(index))
        if index == 50:
            assert merger.n_waiting == 50
            merger.give_up(0)
        assert index < 50 or merger.n_waiting == 0


def test_other_regions_are_merged_when_one_is_given_up() -> None:
    x = np.arange(400.0).reshape(4, 100)
    stage, written = stage_of(x, axis=1), {}
    merger = Merger(stage, lambda region, block: written.update({region: float(block[0])}))
    merger.give_up(0)
    for index in range(1, stage.grid.n_blocks):
        rows, columns = stage.grid.region(index)
        merger.add(index, (x[slice(*rows), slice(*columns)].sum(axis=1)[None],))
    assert written == {((row, row + 1),): x[row].sum() for row in (1, 2, 3)}

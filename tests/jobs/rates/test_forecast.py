"""Facts of predicted seconds: the longest step, what it waits for, and what no schedule can go below."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arraymill.jobs.rates.forecast import Load, forecast
from arraymill.jobs.rates.workers import Rates
from arraymill.jobs.stages.moves import Moves

GPU = Rates(read=10.0, most_read=40.0, write=5.0, most_write=10.0, flops=100.0, to_device=50.0, from_device=25.0)
MOVES = Moves(to_device_bytes=200, from_device_bytes=50, least_in_bytes=100, fill_bytes=20, drain_bytes=10)
LOAD = Load(read_bytes=200, write_bytes=50, flops=10_000, moves=MOVES)


def test_each_step_takes_its_amount_at_its_rate() -> None:
    expected = {"read": 20.0, "to_device": 4.0, "compute": 100.0, "from_device": 2.0, "write": 10.0}
    assert forecast(LOAD, GPU, 1).seconds == expected


def test_workers_share_what_the_machine_reads_and_writes() -> None:
    seconds = forecast(LOAD, GPU, 8).seconds
    assert (seconds["read"], seconds["compute"], seconds["write"]) == (200 / 40, 100 / 8, 50 / 10)


def test_the_cpu_copies_nothing() -> None:
    assert list(forecast(replace(LOAD, moves=Moves()), GPU, 1).seconds) == ["read", "compute", "write"]


@pytest.mark.parametrize(
    ("flops", "edges_s"),
    [
        # bound by computing: the first slab is read and copied, the last tile copied and written
        (10_000, 20 / 10 + 20 / 50 + 10 / 25 + 10 / 5),
        # bound by reading: what is read first is part of it
        (0, 20 / 50 + 10 / 25 + 10 / 5),
    ],
)
def test_the_longest_step_waits_for_the_first_slab_and_the_last_tile(flops: int, edges_s: float) -> None:
    assert forecast(replace(LOAD, flops=flops), GPU, 1).edges_s == pytest.approx(edges_s)


def test_the_least_is_that_of_the_fewest_bytes() -> None:
    assert forecast(LOAD, GPU, 1).least_s == 100.0
    assert forecast(replace(LOAD, flops=0), GPU, 1).least_s == 10.0


def test_whose_rates_they_are_is_kept() -> None:
    assert not forecast(LOAD, GPU, 1).is_measured
    assert forecast(LOAD, replace(GPU, is_measured=True), 1).is_measured

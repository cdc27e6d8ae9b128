"""Facts of ceilings: whose they are, and how a plan's seconds become those at measured rates."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from stored_jobs import plan_document

from arraymill.jobs.rates.workers import Rates, rates_of
from arraymill.jobs.report.ceilings import alone_s, ceilings_of, worker_ceilings

NOMINAL = rates_of("cpu", "standard", np.dtype("f4"))
FAST = replace(NOMINAL, read=16e9, flops=4e11, most_write=3e9, write=3e9, is_measured=True)


def record(rates: Rates) -> dict[str, object]:
    return json.loads(json.dumps(rates.to_json()))  # type: ignore[no-any-return]


def test_a_plan_that_says_nothing_has_nominal_ceilings() -> None:
    assert ceilings_of(plan_document(), []) == NOMINAL


def test_what_was_known_at_planning_is_the_ceiling() -> None:
    assert ceilings_of(plan_document(ceilings=record(FAST)), []) == FAST


def test_what_workers_measured_counts_most() -> None:
    slower = replace(FAST, read=1e9)
    events = [{"kind": "epoch"}, *({"kind": "ceilings", "at_s": 1.0, **record(rates)} for rates in (FAST, slower))]
    assert ceilings_of(plan_document(ceilings=record(NOMINAL)), events) == slower


@pytest.mark.parametrize("spoilt", [{"read": "fast"}, {"read": 1e9}, {}])
def test_rates_of_another_version_are_passed_over(spoilt: dict[str, object]) -> None:
    assert ceilings_of(plan_document(ceilings=spoilt), [{"kind": "ceilings", **spoilt}]) == NOMINAL


def test_seconds_shrink_as_rates_grow() -> None:
    assert alone_s(plan_document(), FAST) == {"read": 2.0, "compute": 0.25, "write": 0.25}


def test_seconds_of_a_plan_at_these_rates_stay() -> None:
    plan = plan_document(ceilings=record(FAST))
    assert alone_s(plan, FAST) == plan["seconds"]


def test_many_workers_share_the_machine() -> None:
    plan = plan_document(n_workers=64, n_blocks=64, ceilings=record(NOMINAL))
    assert alone_s(plan, replace(FAST, most_read=8e10))["read"] == pytest.approx(2.0)


def test_the_link_counts_both_ways() -> None:
    nominal = rates_of("cuda", "standard", np.dtype("f4"))
    plan = plan_document(device="cuda", seconds={"link": 4.0, "to_device": 4.0, "from_device": 1.0, "fill": 0.1})
    found = alone_s(plan, replace(nominal, to_device=9e10, from_device=2.25e10))
    assert found == {"link": 8.0, "to_device": 2.0, "from_device": 2.0, "fill": 0.1}


def test_a_worker_has_its_part_of_what_all_reach() -> None:
    found = worker_ceilings(plan_document(n_workers=4), FAST)
    assert found == {"read": 10e9, "compute": 4e11, "write": 0.75e9}

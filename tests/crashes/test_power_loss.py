"""Power losses at every moment of a job: what was acknowledged is there, and the rest is made again."""

from __future__ import annotations

import pytest
from fault_tally import counted

from crashes.pool import Cases
from crashes.power import Loss
from crashes.recording import undisturbed
from crashes.recovery import possible_losses, recovered
from crashes.shapes import SHAPES
from crashes.sizes import sample


@pytest.mark.parametrize("shape", SHAPES)
def test_a_job_survives_any_power_loss(cases: Cases, shape: str) -> None:
    losses = cases.one(possible_losses, shape)
    tries = [(shape, (), loss) for loss in sample(losses, 100)]
    for (_, _, loss), complaints in cases.map(recovered, tries):
        with counted("survived byte-identical"):
            assert (loss, complaints) == (loss, [])
    assert len(losses) > 200


@pytest.mark.parametrize("shape", ["map", "reduce"])
def test_a_change_of_names_that_overtakes_those_before_it_does_no_harm(cases: Cases, shape: str) -> None:
    names = cases.one(undisturbed, shape).effects
    moments = [number for number, name in enumerate(names, 1) if name in ("rename", "link", "unlink")]
    for (_, _, loss), complaints in cases.map(
        recovered, [(shape, (), Loss(number, "last name")) for number in moments]
    ):
        with counted("survived byte-identical"):
            assert (loss, complaints) == (loss, [])

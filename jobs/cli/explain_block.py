"""One block of a stored job: what it reads, whether it is done, and everything that happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..api.stored.creation import read_spec
from ..errors import JobError, SpecError
from ..job import open_job
from ..plans.chain_plan import ChainPlan
from ..plans.chain_record import restore_job_plan
from ..runner.messages import describe_region
from ..stages.inputs import input_regions
from ..store import JobFolder, read_ledger, step_offsets
from .block_events import block_events, event_line
from .job_view import JobView, label_rows
from .terminal import escape

__all__ = ["explain_block"]


def explain_block(view: JobView, block: int) -> tuple[dict[str, Any], str]:
    """Return one block as a JSON document and as text.

    Raises
    ------
    SpecError
        If the job has no such block.
    """
    if view.plan is None:
        raise SpecError(f"job {view.folder.id} has no blocks yet", cause="its plan is not made", next="wait for it")
    if block >= view.n_blocks:
        raise SpecError(f"job {view.folder.id} has no block {block}", cause=f"its blocks are 0 to {view.n_blocks - 1}")
    place = _place_of(view, block)
    events = block_events(read_ledger(place.folder.ledger)[0], place.block)
    reads, standing = _inputs_of(view, place), _standing(view, block, events)
    document = {
        "schema": 1,
        "id": view.folder.id,
        "block": block,
        "step": place.step,
        "standing": standing,
        "reads": reads,
        "events": events,
    }
    rows = [("status", standing), ("step", place.step or ""), ("reads", "; ".join(map(escape, reads)))]
    rows += [("history" if n == 0 else " " * len("history"), event_line(event)) for n, event in enumerate(events)]
    rows.append(("next", _next(view, standing)))
    return document, label_rows(f"block {block} of {view.n_blocks} of job {view.title}", rows)


@dataclass(frozen=True, slots=True)
class _BlockPlace:
    """Where the books of a block are: its own number there, and the step, where the job has several."""

    folder: JobFolder
    block: int
    number: int = 0
    step: str | None = None


def _place_of(view: JobView, block: int) -> _BlockPlace:
    assert view.plan is not None
    steps = view.plan.get("steps", ())
    for number, (step, first) in enumerate(zip(steps, step_offsets(steps), strict=True)):
        if first <= block < first + step["n_blocks"]:
            return _BlockPlace(view.folder.step(number, step["name"]), block - first, number, step["name"])
    return _BlockPlace(view.folder, block)


def _standing(view: JobView, block: int, events: list[dict[str, Any]]) -> str:
    if block in view.settled.done:
        return "done"
    if block in view.settled.holes:
        return "skipped"
    kinds = [event["kind"] for event in events]
    if "failed" in kinds:
        return "failed"
    return "taken back" if kinds and kinds[-1] in ("stale", "corrupt") else "not done"


def _inputs_of(view: JobView, place: _BlockPlace) -> list[str]:
    """Return the parts of the inputs that a block reads, or why they are not known."""
    assert view.plan is not None
    try:
        job = open_job(read_spec(view.folder))
        plan = restore_job_plan(job, view.plan)
    except JobError as error:
        return [f"not known: {error.what}"]
    own = plan.steps[place.number].plan if isinstance(plan, ChainPlan) else plan
    regions = zip(input_regions(own.stage, place.block), own.inputs, strict=True)
    return [describe_region(region, header.shape, header.name) for region, header in regions]


def _next(view: JobView, standing: str) -> str:
    if standing == "failed":
        return f"mend the cause, then arraymill resume {view.folder.id}"
    return "" if standing == "done" or view.is_active else f"arraymill resume {view.folder.id}"

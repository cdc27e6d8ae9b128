"""One block of a stored job: what it reads, whether it is done, and everything that happened to it."""

from __future__ import annotations

from typing import Any

from ..api.submission import read_spec
from ..errors import JobError, SpecError
from ..job import open_job
from ..plan_record import restore_plan
from ..runner.messages import describe_region
from ..stage_inputs import input_regions
from ..store import read_ledger
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
    events = block_events(read_ledger(view.folder.ledger)[0], block)
    reads, standing = _inputs_of(view, block), _standing(view, block, events)
    document = {
        "schema": 1,
        "id": view.folder.id,
        "block": block,
        "standing": standing,
        "reads": reads,
        "events": events,
    }
    rows = [("status", standing), ("reads", "; ".join(map(escape, reads)))]
    rows += [("history" if n == 0 else " " * len("history"), event_line(event)) for n, event in enumerate(events)]
    rows.append(("next", _next(view, standing)))
    return document, label_rows(f"block {block} of {view.n_blocks} of job {view.title}", rows)


def _standing(view: JobView, block: int, events: list[dict[str, Any]]) -> str:
    if block in view.settled.done:
        return "done"
    if block in view.settled.holes:
        return "skipped"
    kinds = [event["kind"] for event in events]
    if "failed" in kinds:
        return "failed"
    return "taken back" if kinds and kinds[-1] in ("stale", "corrupt") else "not done"


def _inputs_of(view: JobView, block: int) -> list[str]:
    """Return the parts of the inputs that a block reads, or why they are not known."""
    assert view.plan is not None
    try:
        job = open_job(read_spec(view.folder))
        stage = restore_plan(job, view.plan).stage
    except JobError as error:
        return [f"not known: {error.what}"]
    regions = zip(input_regions(stage, block), job.headers, strict=True)
    return [describe_region(region, header.shape, header.name) for region, header in regions]


def _next(view: JobView, standing: str) -> str:
    if standing == "failed":
        return f"mend the cause, then arraymill resume {view.folder.id}"
    return "" if standing == "done" or view.is_active else f"arraymill resume {view.folder.id}"

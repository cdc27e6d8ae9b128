"""``arraymill explain``: why a job stands where it stands, and what resuming it would do."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import escape

if TYPE_CHECKING:
    from ..api.stored.resumption import Assessment
    from ..errors import JobError
    from .job_view import JobView

__all__ = ["explain", "explain_record", "explain_text"]


def _explain(job: str, block: int | None, as_json: bool) -> None:
    from ..api.stored.resumption import assess  # it brings the clusters, which no --help page needs
    from ..errors import JobError
    from ..store import find_job
    from .explain_block import explain_block
    from .job_view import view_job

    view = view_job(find_job(job))
    if block is not None:
        document, text = explain_block(view, block)
        click.echo(json.dumps(document, indent=2) if as_json else text)
        return
    assessment, problem = None, None
    if not view.is_active and view.state.status != "DONE":
        try:
            assessment = assess(view.folder)
        except JobError as error:
            problem = error
    if as_json:
        click.echo(json.dumps(explain_record(view, assessment, problem), indent=2))
    else:
        click.echo(explain_text(view, assessment, problem, time.time()))


def explain_text(view: JobView, assessment: Assessment | None, problem: JobError | None, now_s: float) -> str:
    """Return why a job stands where it stands.

    Parameters
    ----------
    view : JobView
    assessment : Assessment or None
        What resuming would do; None for a job that is active or done, or where that cannot be known.
    problem : JobError or None
        Why it cannot be known.
    now_s : float
        Unix time.
    """
    from .job_view import label_rows, state_words

    error = view.state.error or {}
    rows = [("status", state_words(view, now_s))]
    if not view.is_active:
        rows += [(label, escape(str(error.get(label) or ""))) for label in ("cause", "safe")]
    rows += _trouble_rows(view)
    if assessment is not None:
        rows += _assessment_rows(assessment)
    elif view.n_blocks:
        rows.append(("done", f"{view.n_done} of {view.n_blocks} blocks"))
    if problem is not None:
        rows.append(("resume", f"cannot: {escape(problem.what)}"))
        rows.append(("", f"{escape(problem.cause)}"))
    rows.append(("next", _next(view, assessment, problem)))
    return label_rows(f"job {view.title}", rows)


def explain_record(view: JobView, assessment: Assessment | None, problem: JobError | None) -> dict[str, Any]:
    """Return the same as a JSON document."""
    state = view.state
    document = {
        "schema": 1,
        "id": view.folder.id,
        "status": state.status,
        "reason": view.reason or None,
        "error": state.error,
        "n_blocks": view.n_blocks,
        "n_done": view.n_done,
        "failed_blocks": _failed_blocks(view),
        "next": _next(view, assessment, problem),
        "problem": None if problem is None else str(problem),
        "resume": None,
    }
    if assessment is not None:
        document["resume"] = {
            "why": assessment.why,
            "done": sorted(assessment.done),
            "missing": sorted(assessment.missing),
            "stale": {str(block): reason for block, reason in sorted(assessment.stale.items())},
            "changes": list(assessment.changes),
            "refusal": None if assessment.refusal is None else str(assessment.refusal),
        }
    return document


def _failed_blocks(view: JobView) -> list[int]:
    given_up = {event["block"] for event in view.settled.events if event["kind"] == "failed" and "block" in event}
    return sorted(given_up - view.settled.done.keys())


def _trouble_rows(view: JobView) -> list[tuple[str, str]]:
    from .block_events import format_blocks

    failed, holes = _failed_blocks(view), view.settled.holes
    rows = []
    if failed:
        rows.append(("failed", _blocks_words(len(failed), format_blocks(failed))))
    if holes:
        rows.append(("skipped", _blocks_words(len(holes), format_blocks(holes)) + ", which hold NaN or 0"))
    return rows


def _assessment_rows(assessment: Assessment) -> list[tuple[str, str]]:
    from .block_events import format_blocks

    rows = []
    if assessment.n_blocks:
        rows.append(("done", f"{len(assessment.done)} of {assessment.n_blocks} blocks"))
    if assessment.missing:
        rows.append(("missing", _blocks_words(len(assessment.missing), format_blocks(assessment.missing))))
    for reason in dict.fromkeys(assessment.stale.values()):
        blocks = [block for block, why in assessment.stale.items() if why == reason]
        rows.append(("stale", f"{_blocks_words(len(blocks), format_blocks(blocks))} since {escape(reason)}"))
    rows += [("changed", escape(change)) for change in assessment.changes if change not in assessment.stale.values()]
    rows.append(("resume", escape(assessment.why)))
    if assessment.refusal is not None:
        rows.append(("", f"refused unless --accept-changed: {escape(assessment.refusal.what)}"))
    return rows


def _blocks_words(n: int, listed: str) -> str:
    return f"block {listed}" if n == 1 else f"{n} blocks: {listed}"


def _next(view: JobView, assessment: Assessment | None, problem: JobError | None) -> str:
    from .job_view import next_step

    job_id = view.folder.id
    if problem is not None:
        return escape(problem.next) or f"arraymill resume {job_id}"
    if assessment is not None and assessment.refusal is not None:
        return f"put back what changed, or arraymill resume {job_id} --accept-changed"
    if view.state.status == "FAILED":
        failed = _failed_blocks(view)
        return f"arraymill explain {job_id} --block {failed[0]}" if failed else f"arraymill resume {job_id}"
    return next_step(view)


explain = Command(
    "explain",
    callback=_explain,
    params=[
        job_argument("job"),
        click.Option(["--block"], type=click.IntRange(min=0), metavar="N", help="One block: its inputs, its history."),
        json_option(),
        *verbosity_options(),
    ],
    short_help="Say why a job waits or failed, and what would run again",
    help="Say why a job waits or failed, and what would run again.\n\n"
    "Compares the inputs with their fingerprints, as resume does. Nothing is changed.",
    examples=("arraymill explain k3f9qzab", "arraymill explain k3f9qzab --block 17"),
)

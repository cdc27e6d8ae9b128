"""The output of a stored job: opened or taken over from an earlier attempt, made ready, published."""

from __future__ import annotations

from pathlib import Path

from ...arrays import Output, adopt_output, create_output, output_file, was_published
from ...durations import format_seconds
from ...errors import OutputError
from ...job import Job
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.planning import Plan
from ...rates.packing import packing_s
from ...store import JobFolder, Journal
from ..formats import options_of
from ..steps import output_specs
from .verification import OTHER_BYTES, differing_blocks, take_back

__all__ = ["is_published", "leave_output", "make_ready", "open_output", "output_path", "output_paths", "packing_reason"]

_SHORTEST_SAID_S = 1.0


def output_path(folder: JobFolder, job: Job) -> str:
    """Return where a job's result goes: the output that was asked for, or a file in the job's own folder."""
    return str(folder.result) if job.spec.output is None else job.spec.output.path


def is_published(folder: JobFolder, job: Job, journal: Journal, plan: Plan) -> bool:
    """Return whether an earlier attempt gave the output its name, and was stopped before it could say so."""
    settled, header = journal.settled(), plan.output
    if settled.output is None or len(settled.done) + len(settled.holes) < plan.n_blocks:
        return False
    path = output_path(folder, job)
    return was_published(path, header.shape, header.dtype, header.order, info=settled.output)


def open_output(folder: JobFolder, job: Job, journal: Journal, plan: Plan) -> Output:
    """Return a job's unpublished output: that of an earlier attempt, with every block in it checked, or a new one.

    Raises
    ------
    OutputError, OutputLockedError
    """
    path, kind = output_path(folder, job), (plan.output.shape, plan.output.dtype, plan.output.order)
    replaces = job.spec.output is None or job.spec.output.if_exists == "replace"
    settled, lost, options = journal.settled(), "", options_of(job.spec.output)
    if settled.output is not None:
        try:
            output = adopt_output(
                path, *kind, replace=replaces, info=settled.output, inputs=job.sources, options=options
            )
        except OutputError as error:
            lost = error.what
        else:
            bad = differing_blocks(plan.stage, output.target, settled.done)
            take_back(journal, bad, OTHER_BYTES)
            return output
    output = create_output(path, *kind, replace=replaces, inputs=job.sources, options=options)
    if lost:
        # only now: where a new one cannot be made either, as when its name is taken, the old one is still good
        take_back(journal, set(settled.done) - set(settled.partials), lost)
    journal.event("output", **output.info())
    journal.commit()
    return output


def make_ready(journal: Journal, output: Output) -> None:
    """Do what takes long before an output can be published, and write down by what the published one will be known.

    Raises
    ------
    JobError
        If the disk is full or fails.
    """
    output.prepare()
    known, info = journal.settled().output or {}, output.info()
    if any(known.get(name) != value for name, value in info.items()):
        journal.event("output", **info)
        journal.commit()


def leave_output(journal: Journal, output: Output) -> None:
    """Keep an unpublished output for a resume; where no block is done there is nothing to keep."""
    if journal.settled().done:
        output.keep()
    else:
        output.discard()


def output_paths(job: Job, plan: AnyPlan) -> tuple[Path | None, dict[str, Path]]:
    """Return the file of the main output, and those of the others by their names; none where no output is named."""
    if job.spec.output is None:
        return None, {}
    specs = output_specs(job, plan) if isinstance(plan, ChainPlan) else {}
    others = plan.outputs[1:] if isinstance(plan, ChainPlan) else ()
    return Path(job.spec.output.path), {output: Path(specs[step].path) for output, step in others}


def packing_reason(job: Job, plan: AnyPlan) -> str:
    """Return what a job does when its last block is done, and about how long; nothing where that is no packing."""
    if (output := job.spec.output) is None or (file := output_file(output.path)).suffix == ".npy":
        return ""
    headers = [plan.header_of(name) for name, _ in plan.outputs] if isinstance(plan, ChainPlan) else [plan.output]
    seconds = sum(packing_s(header, file.suffix, output.compression) for header in headers)
    about = f", about {format_seconds(seconds)} at nominal rates" if seconds >= _SHORTEST_SAID_S else ""
    return f"{file.name} is packed by one process{about}"

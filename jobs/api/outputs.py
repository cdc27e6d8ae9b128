"""How the outputs of a job are stored: checked before work starts, and made ready before they are published."""

from __future__ import annotations

from ..arrays import Output, OutputOptions, check_format
from ..job import Job
from ..plans.chain_plan import AnyPlan, ChainPlan
from ..spec.job_spec import OutputSpec
from ..store import Journal
from .steps import output_specs

__all__ = ["check_formats", "make_ready", "options_of"]


def options_of(output: OutputSpec | None) -> OutputOptions:
    """Return how an output is to be stored.

    >>> options_of(OutputSpec(path="y.zarr", chunks=[10, 10])).chunks
    (10, 10)
    """
    if output is None:
        return OutputOptions()
    return OutputOptions(chunks=output.chunks, compression=output.compression, columns=output.columns)


def check_formats(job: Job, plan: AnyPlan) -> None:
    """Check that every output is an array that its format can hold.

    Raises
    ------
    OutputError
    """
    if job.spec.output is None:
        return
    if not isinstance(plan, ChainPlan):
        check_format(job.spec.output.path, plan.output, options_of(job.spec.output))
        return
    headers = {step.name: step.plan.output for step in plan.steps}
    for step, spec in output_specs(job, plan).items():
        check_format(spec.path, headers[step], options_of(spec))


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

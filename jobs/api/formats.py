"""The formats of the outputs of a job: how each is to be stored, and whether it can hold its array."""

from __future__ import annotations

from ..arrays import OutputOptions, check_format
from ..job import Job
from ..plans.chain_plan import AnyPlan, ChainPlan
from ..spec.job_spec import OutputSpec
from .steps import output_specs

__all__ = ["check_formats", "options_of"]


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

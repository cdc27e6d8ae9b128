"""The checks that a job file asks for with `verify`; a job that does not ask imports none of what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...arrays import Output, Source
from ...job import Job
from ...plans.chain_plan import AnyPlan
from ...store import JobFolder, Journal
from ..steps import result_source
from .output import output_path

__all__ = ["check_chain", "check_feasible_if_asked", "check_stage"]

_REASON = "the output is checked against NumPy"


def check_feasible_if_asked(job: Job, plan: AnyPlan) -> None:
    """Check, before anything is computed, that what is asked for can be done.

    Raises
    ------
    SpecError
    """
    if job.spec.verify is not None:
        from .recomputing import check_before_work

        check_before_work(job, plan)


def check_stage(
    folder: JobFolder, job: Job, plan: AnyPlan, journal: Journal, output: Output, on_pass: Callable[..., object]
) -> None:
    """Check the output of a job of one stage, which has not got its name yet.

    Raises
    ------
    VerificationError
        If it is not what NumPy computes.
    """
    if job.spec.verify is not None:
        made = {"": result_source(output.target, output_path(folder, job))}
        check_chain(job, plan, journal, made, on_pass)


def check_chain(
    job: Job, plan: AnyPlan, journal: Journal, made: Mapping[str, Source], on_pass: Callable[..., object]
) -> None:
    """Check the results of the steps of a job, which have not got their names yet.

    Raises
    ------
    VerificationError
        If one is not what NumPy computes.
    """
    if job.spec.verify is not None:
        from .recomputing import verify_before_publishing

        on_pass("FINISHING", reason=_REASON)
        verify_before_publishing(job, plan, journal, made)

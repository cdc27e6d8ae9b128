"""``arraymill run`` and ``arraymill plan``: one command per operation, and job files."""

from __future__ import annotations

from ..spec.job_spec import JobSpec
from .operation_group import OperationGroup

__all__ = ["plan", "run"]


def _run(job: JobSpec, as_json: bool) -> None:
    from .actions import run_job  # it brings the clusters, which no --help page needs

    run_job(job, as_json)


def _plan(job: JobSpec, as_json: bool) -> None:
    from .actions import plan_job  # as above

    plan_job(job, as_json)


run = OperationGroup(
    "run",
    _run,
    short_help="Run an operation, or a job file, and write the result",
    help="Run an operation, or a job file, and write the result.\n\n"
    "Without -o a small result is printed. Every option of an operation: arraymill run OPERATION --help.",
    examples=(
        "arraymill run sum x.npy",
        "arraymill run matmul a.npy b.npy -o c.npy --precision strict",
        "arraymill run job.yaml --set output.if_exists=replace",
        "generate-job | arraymill run -",
    ),
)

plan = OperationGroup(
    "plan",
    _plan,
    short_help="Show what a job would take, and run nothing",
    help="Show what a job would take, and run nothing.\n\n"
    "Reads the headers of the inputs only. The exit code is 6 if the job cannot fit.",
    examples=("arraymill plan matmul a.npy b.npy", "arraymill plan job.yaml --memory 8GB --json"),
)

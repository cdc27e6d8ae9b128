"""``arraymill submit``: a job in the background, which survives the terminal."""

from __future__ import annotations

import json

import click

from ..spec.job_spec import JobSpec
from .help import SectionOption
from .operation_group import OperationGroup

__all__ = ["submit"]


def _submit(job: JobSpec, as_json: bool, *, wait: bool) -> int | None:
    from ..api.stored.submission import submit_spec  # it brings the clusters, which no --help page needs
    from ..errors import SpecError
    from .wait import follow_job

    if job.output is not None and job.output.path == "-":
        raise SpecError(
            "a job in the background has no stdout", cause="-o -", next="leave -o out: arraymill result prints it"
        )
    folder = submit_spec(job)
    click.echo(json.dumps({"schema": 1, "id": folder.id}) if as_json else folder.id)
    return follow_job(folder) if wait else None


def _options() -> list[click.Option]:
    return [
        SectionOption(
            ["--wait"],
            is_flag=True,
            section="Job",
            help="Follow its log, and exit with its code. Ctrl-C leaves the job alone.",
        )
    ]


submit = OperationGroup(
    "submit",
    _submit,
    more=_options,
    short_help="Run a job in the background, and print its id",
    help="Run a job in the background, and print its id.\n\n"
    "The job survives this terminal. One job at a time runs on a device, in the order of submission.",
    examples=(
        "arraymill submit job.yaml",
        "id=$(arraymill submit matmul a.npy b.npy -o c.npy); arraymill wait $id",
        "arraymill submit mean x.npy --axis 0 -o means.npy --wait",
    ),
)

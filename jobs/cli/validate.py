"""``arraymill validate`` and ``arraymill schema``: what a job file may hold, and whether one does."""

from __future__ import annotations

import json
from typing import Any

import click

from ..errors import SpecError
from ..spec.job_spec import JobSpec, Settings
from ..spec.load import check_document
from ..spec.yaml import parse_yaml, read_text
from .failures import as_failure
from .help import Command
from .request import check_job

__all__ = ["schema", "validate"]


@click.command(
    "validate",
    cls=Command,
    short_help="Check job files and profiles",
    examples=("arraymill validate job.yaml", "arraymill validate jobs/*.yaml --json"),
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def validate(paths: tuple[str, ...], as_json: bool) -> int:
    """Check job files and profiles.

    Everything that is wrong is listed, with line numbers. Input files are not opened: `arraymill plan` does that.
    """
    found = [(path, _check(path)) for path in paths]
    if as_json:
        documents = [_record(path, outcome) for path, outcome in found]
        click.echo(json.dumps({"schema": 1, "files": documents}, indent=2))
    else:
        for path, outcome in found:
            if isinstance(outcome, SpecError):
                as_failure(outcome).show()
            else:
                click.echo(f"{path}: {outcome}")
    return 2 if any(isinstance(outcome, SpecError) for _, outcome in found) else 0


def _record(path: str, outcome: str | SpecError) -> dict[str, Any]:
    if isinstance(outcome, SpecError):
        problems = [line.strip() for line in outcome.cause.splitlines()] or [outcome.what]
        return {"path": path, "valid": False, "problems": problems}
    return {"path": path, "valid": True, "problems": []}


def _check(path: str) -> str | SpecError:
    try:
        document = parse_yaml(read_text(path), path)
        if document.tree and not set(document.tree) - set(Settings.model_fields):
            check_document(document, Settings)
            return "a valid profile"
        return f"a valid job ({check_job(document).op})"
    except SpecError as error:
        return error


@click.command(
    "schema",
    cls=Command,
    short_help="Print the JSON Schema of the job file",
    examples=("arraymill schema > arraymill.schema.json",),
)
def schema() -> None:
    """Print the JSON Schema of the job file.

    Editors check and complete job files with it.
    """
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **JobSpec.model_json_schema()}
    click.echo(json.dumps(document, indent=2))

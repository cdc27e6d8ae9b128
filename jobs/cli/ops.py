"""``arraymill ops``: the operations, and what each takes."""

from __future__ import annotations

import json
from typing import Any

import click

from ..errors import SpecError
from ..operations import GROUPS, OPERATIONS, Operation
from ..spec.errors import suggest
from .help import Command
from .parameters import parameter_options

__all__ = ["ops"]


def _complete_operation(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in OPERATIONS if name.startswith(incomplete)]


@click.command(
    "ops",
    cls=Command,
    short_help="List the operations, or describe one",
    examples=("arraymill ops", "arraymill ops var", "arraymill ops --json"),
)
@click.argument("name", required=False, shell_complete=_complete_operation)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def ops(name: str | None, as_json: bool) -> None:
    """List the operations, or describe one."""
    chosen = list(OPERATIONS.values()) if name is None else [_operation(name)]
    if as_json:
        click.echo(json.dumps({"schema": 1, "operations": [_record(op) for op in chosen]}, indent=2))
    elif name is None:
        _list()
    else:
        _describe(chosen[0])


def _operation(name: str) -> Operation:
    found = OPERATIONS.get(name)
    if found is None:
        hint = suggest(name, OPERATIONS).removeprefix("; ")
        raise SpecError(f"no operation is called {name!r}", cause=hint, next="arraymill ops lists them")
    return found


def _record(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "summary": operation.summary,
        "inputs": list(operation.inputs),
        "variadic": operation.variadic,
        "example": operation.example,
        "params": operation.params.model_json_schema(),
    }


def _list() -> None:
    width = max(map(len, OPERATIONS))
    for heading, names in GROUPS.items():
        click.echo(click.style(heading, bold=True))
        for operation in map(OPERATIONS.__getitem__, names):
            click.echo(f"  {operation.name:<{width}}  {operation.summary}")
            click.echo(f"  {'':<{width}}  {click.style(operation.example, dim=True)}")
        click.echo()
    click.echo("arraymill ops NAME describes one; arraymill run NAME --help shows every option.", err=True)


def _describe(operation: Operation) -> None:
    inputs = " ".join(operation.inputs) + (" ..." if operation.variadic else "") or "none"
    click.echo(f"{operation.name}: {operation.summary}\n")
    click.echo(f"Inputs:   {inputs}\nExample:  {operation.example}\n\nParameters:")
    formatter = click.HelpFormatter(max_width=100)
    with formatter.indentation():
        context = click.Context(click.Command(operation.name))
        records = [option.get_help_record(context) for option in parameter_options(operation)]
        formatter.write_dl([record for record in records if record] or [("none", "")])
    click.echo(formatter.getvalue(), nl=False)

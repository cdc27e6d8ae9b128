"""Jobs on the command line: an argument that takes ids, unique beginnings of ids or names, and completes them."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

__all__ = ["job_argument", "json_option"]


def job_argument(name: str, *, nargs: int = 1, required: bool = True) -> click.Argument:
    """Return a new argument for one job, or with ``nargs=-1`` for several.

    Parameters
    ----------
    name : str
        Of the callback's parameter.
    """
    metavar = "ID" if nargs == 1 else "ID..."
    return click.Argument([name], nargs=nargs, required=required, metavar=metavar, shell_complete=_complete)


def json_option() -> click.Option:
    """Return a new --json."""
    return click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document.")


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ..store import list_jobs, read_state  # a --help page needs no store

    value = ctx.params.get(param.name or "")
    given = value if isinstance(value, tuple) else ()
    found = []
    for folder in list_jobs():
        if folder.id.startswith(incomplete) and folder.id not in given:
            state = read_state(folder)
            found.append(CompletionItem(folder.id, help=f"{state.name or state.op} {state.status}"))
    return found

"""``arraymill report``: the receipt of a job, as text, as JSON, or as a page to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import echo_note, escape

if TYPE_CHECKING:
    from .job_view import JobView

__all__ = ["report"]

_IN_FOLDER = ""
"""--html without a FILE: the folder of the job."""


def _report(job: str | None, html: str | None, is_opened: bool, as_json: bool) -> None:
    from ..errors import JobError  # a --help page needs none of this
    from ..store import find_job
    from .job_view import view_job

    if job is None:
        # --html ID: the id was taken for the file
        job, html = html, _IN_FOLDER
    if not job:
        raise click.UsageError("Missing argument 'ID'.")
    is_page = html is not None or is_opened
    if as_json and is_page:
        raise click.UsageError("--json and --html print different things: choose one")
    if is_opened and html == "-":
        raise click.UsageError("a page on stdout cannot be opened: drop --open, or name a FILE")
    view = view_job(find_job(job))
    if view.plan is None:
        raise JobError(
            f"job {view.folder.id} has no report yet",
            cause=f"it is {view.state.status}, and its plan is not made",
            next=f"arraymill status {view.folder.id}",
        )
    if is_page:
        _show_page(view, html or _IN_FOLDER, is_opened)
    else:
        _show_receipt(view, as_json)


def _show_receipt(view: JobView, as_json: bool) -> None:
    from ..report import report_of, report_text, to_json
    from .job_view import colored_status

    assert view.plan is not None
    made = report_of(view.state, view.settled, view.plan)
    if as_json:
        click.echo(json.dumps({"schema": 1, "id": view.folder.id} | to_json(made), indent=2))
        return
    click.echo(f"job {view.title}: {colored_status(view.state.status)}")
    for line in report_text(made).splitlines():
        click.echo(escape(line))
    _note_so_far(view)


def _show_page(view: JobView, file: str, is_opened: bool) -> None:
    from .report_file import open_page, page_of, write_page, write_page_to

    page = page_of(view)
    if file == "-":
        click.echo(page, nl=False)
        return
    path = write_page_to(Path(file), page) if file else write_page(view, page)
    click.echo(path)
    _note_so_far(view)
    if is_opened and (why := open_page(path)):
        echo_note(f"{why}: open the file in a browser; it needs nothing else, and can be copied to another machine")


def _note_so_far(view: JobView) -> None:
    if view.state.status != "DONE":
        echo_note(f"job {view.folder.id} is {view.state.status}: this is what it took so far")


report = Command(
    "report",
    callback=_report,
    params=[
        job_argument("job", required=False),
        click.Option(
            ["--html"],
            is_flag=False,
            flag_value=_IN_FOLDER,
            metavar="[FILE]",
            help="Write a page with timelines, one file that works offline, and print its path; without FILE into the "
            "folder of the job. - is stdout.",
        ),
        click.Option(["--open", "is_opened"], is_flag=True, help="Write the page, and open it in a browser."),
        json_option(),
        *verbosity_options(),
    ],
    short_help="Show where the time and the memory of a job went",
    help="Show where the time and the memory of a job went.\n\n"
    "The efficiency compares the job with its slowest stage alone: 100 % is as fast as that stage allows. The ceilings "
    "are those that were measured on this machine (by arraymill doctor, or by the first long job), else nominal ones "
    "of its kind.",
    examples=(
        "arraymill report k3f9qzab",
        "arraymill report k3f9qzab --open",
        "arraymill report k3f9qzab --html report.html",
        "arraymill report k3f9qzab --json",
    ),
)

"""``arraymill logs``: what a job, one of its workers, or its ledger says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .terminal import echo_note, escape

if TYPE_CHECKING:
    from ..store import JobFolder

__all__ = ["logs"]


def _logs(job: str, follow: bool, tail: int | None, worker: str | None, block: int | None, as_json: bool) -> None:
    from ..store import find_job  # a --help page needs no store

    if follow and (as_json or block is not None):
        raise click.UsageError("-f goes with the text of a log, not with --json or --block")
    folder = find_job(job)
    if block is not None:
        _show_block(folder, block, as_json)
        return
    path = folder.driver_log if worker is None else _worker_log(folder, worker)
    if as_json:
        from .log_lines import read_log

        document = {"schema": 1, "id": folder.id, "log": path.stem, "lines": read_log(path, tail)}
        click.echo(json.dumps(document, indent=2))
        return
    if follow:
        _follow(folder, path, tail)
    else:
        _show(folder, path, tail)


def _show(folder: JobFolder, path: Path, tail: int | None) -> None:
    from .log_lines import read_log

    lines = read_log(path, tail)
    for line in lines:
        click.echo(line)
    if not lines:
        _explain_silence(folder, path)
    elif path == folder.driver_log and (names := list(_worker_names(folder))):
        echo_note(f"workers have logs of their own: --worker {' or '.join(map(escape, names))}")


def _follow(folder: JobFolder, path: Path, tail: int | None) -> None:
    from .endings import state_if_over
    from .log_lines import follow_log
    from .wait import leaving_alone

    if not path.exists():
        echo_note(f"job {folder.id} has no log yet: waiting for one, or for its end")
    with leaving_alone([folder.id]):
        for line in follow_log(path, lambda: state_if_over(folder) is not None, n_last=tail):
            click.echo(line)


def _explain_silence(folder: JobFolder, path: Path) -> None:
    if path.exists():
        echo_note(f"job {folder.id} has said nothing yet")
    else:
        echo_note(f"job {folder.id} has no log: it ran in a terminal, which shows what it said")


def _worker_names(folder: JobFolder) -> Iterator[str]:
    yield from (path.stem for path in sorted(folder.workers.glob("*.log")) if path.stat().st_size)


def _worker_log(folder: JobFolder, name: str) -> Path:
    from ..errors import SpecError
    from ..spec.errors import suggest

    found = {path.stem: path for path in folder.workers.glob("*.log")}
    if name in found:
        return found[name]
    names = ", ".join(sorted(found)) or "no worker has written a log"
    raise SpecError(f"job {folder.id} has no worker {name!r}{suggest(name, found)}", cause=f"workers: {names}")


def _show_block(folder: JobFolder, block: int, as_json: bool) -> None:
    from ..store import read_ledger
    from .block_events import block_events, event_line

    records, _ = read_ledger(folder.ledger)
    events = block_events(records, block)
    if as_json:
        click.echo(json.dumps({"schema": 1, "id": folder.id, "block": block, "events": events}, indent=2))
        return
    for event in events:
        click.echo(event_line(event))
    if not events:
        echo_note(f"nothing is recorded of block {block} of job {folder.id}")


logs = Command(
    "logs",
    callback=_logs,
    params=[
        job_argument("job"),
        click.Option(["-f", "--follow"], is_flag=True, help="Go on until the job ends; Ctrl-C leaves the job alone."),
        click.Option(["--tail"], type=click.IntRange(min=0), metavar="N", help="Only the last N lines."),
        click.Option(["--worker"], metavar="W", help="The log of one worker, as gpu0."),
        click.Option(["--block"], type=click.IntRange(min=0), metavar="B", help="What is recorded of one block."),
        json_option(),
        *verbosity_options(),
    ],
    short_help="Show what a job, or one of its workers, said",
    help="Show what a job, or one of its workers, said.\n\nWithout -f this never waits.",
    examples=(
        "arraymill logs k3f9qzab --tail 20",
        "arraymill logs k3f9qzab -f",
        "arraymill logs k3f9qzab --block 17",
    ),
)

"""``arraymill wait``: until jobs have ended, with their exit code."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..durations import format_seconds, parse_duration
from .failures import Failure, as_failure
from .help import Command
from .job_ids import job_argument, json_option
from .options import verbosity_options
from .streams import echo_stderr
from .terminal import echo_note

if TYPE_CHECKING:
    from ..store import JobFolder, JobState

__all__ = ["follow_job", "leaving_alone", "wait", "wait_for"]

_POLL_S = 0.1


def wait_for(
    folders: Sequence[JobFolder],
    timeout_s: float | None = None,
    *,
    on_end: Callable[[JobFolder, JobState], object] = lambda folder, state: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, JobState]:
    """Return the last states of jobs, by id, once all have ended.

    Parameters
    ----------
    folders : sequence of JobFolder
    timeout_s : float, optional
    on_end : callable
        ``on_end(folder, state)`` for each, as it ends.
    clock, sleep : callable

    Raises
    ------
    WaitTimeoutError
        If some have not ended in time, naming them.
    """
    from ..errors import WaitTimeoutError
    from .endings import state_if_over

    end = None if timeout_s is None else clock() + timeout_s
    running, ended = {folder.id: folder for folder in folders}, {}
    while True:
        for folder in tuple(running.values()):
            if (state := state_if_over(folder)) is not None:
                ended[folder.id] = state
                del running[folder.id]
                on_end(folder, state)
        if not running:
            return {folder.id: ended[folder.id] for folder in folders}
        if end is not None and clock() >= end:
            raise WaitTimeoutError(
                f"not ended after {format_seconds(timeout_s or 0)}: {', '.join(running)}",
                safe="they go on",
                next=f"arraymill status {next(iter(running))}",
            )
        sleep(_POLL_S)


def follow_job(folder: JobFolder) -> int:
    """Show a job's log on stderr until it ends, and return its exit code. Ctrl-C leaves the job alone."""
    from .endings import exit_code_of, state_if_over
    from .log_lines import follow_log

    with leaving_alone([folder.id]):
        for line in follow_log(folder.driver_log, lambda: state_if_over(folder) is not None):
            echo_stderr(line)
        return exit_code_of(wait_for([folder])[folder.id])


@contextmanager
def leaving_alone(ids: Sequence[str]) -> Iterator[None]:
    """Turn Ctrl-C into a failure that says that the jobs go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        stopped = as_failure(error)
        goes_on = f"job {ids[0]} goes on" if len(ids) == 1 else f"jobs {', '.join(ids)} go on"
        ends = f"arraymill cancel {' '.join(ids)}, if that was meant"
        raise Failure(stopped.exit_code, stopped.identifier, stopped.message, safe=goes_on, next=ends) from error


def _wait(jobs: tuple[str, ...], timeout: float | None, as_json: bool) -> int:
    from ..store import find_job  # a --help page needs no store
    from .endings import exit_code_of, failure_of

    folders = [find_job(job) for job in jobs]

    def say(folder: JobFolder, state: JobState) -> None:
        if exit_code_of(state) == 0:
            echo_note(f"job {folder.id} is {state.status}")

    with leaving_alone([folder.id for folder in folders]):
        ended = wait_for(folders, timeout, on_end=say)
    codes = {job_id: exit_code_of(state) for job_id, state in ended.items()}
    if as_json:
        listed = [{"id": i, "status": state.status, "exit_code": codes[i]} for i, state in ended.items()]
        click.echo(json.dumps({"schema": 1, "jobs": listed}, indent=2))
    failures = [failure for folder in folders if (failure := failure_of(folder, ended[folder.id])) is not None]
    for failure in failures[1:]:
        failure.show()
    if failures:
        raise failures[0]
    return 0


def _parse_timeout(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return float(value) if value.replace(".", "", 1).isdecimal() else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


wait = Command(
    "wait",
    callback=_wait,
    params=[
        job_argument("jobs", nargs=-1),
        click.Option(["--timeout"], metavar="S", callback=_parse_timeout, help="Seconds, or 15min; then exit with 5."),
        json_option(),
        *verbosity_options(),
    ],
    short_help="Wait until jobs have ended, and exit with their code",
    help="Wait until jobs have ended, and exit with their code.\n\n"
    "The exit code is that of the first job, in the order given, that did not succeed: 1 failed, 4 cancelled, "
    "7 skipped blocks, 75 interrupted (it can be resumed), 5 not ended in time. Ctrl-C leaves the jobs alone.",
    examples=(
        "arraymill wait k3f9qzab",
        "arraymill wait k3f9qzab m2xw7cde --timeout 2h",
        "id=$(arraymill submit job.yaml); arraymill wait $id && arraymill result $id",
    ),
)

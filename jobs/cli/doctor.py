"""``arraymill doctor``: what this machine has, what is missing, and what to do about it."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import click

from .checks import Check, check_line
from .checks_folder import folder_check
from .checks_gpu import gpu_checks
from .checks_machine import machine_checks
from .checks_software import software_checks
from .checks_speed import known_speeds, measured_speeds, speed_checks
from .help import Command

__all__ = ["doctor", "find_all"]

EXIT_UNUSABLE = 9


@click.command(
    "doctor",
    cls=Command,
    short_help="Check what this machine has and what is missing",
    examples=("arraymill doctor", "arraymill doctor --json"),
)
@click.option("--no-measure", is_flag=True, help="Show the speeds that were measured last, and measure none.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(no_measure: bool, as_json: bool) -> int:
    """Check what this machine has and what is missing, and measure how fast it is.

    For a few seconds it computes on all cores and writes up to 64 MiB to the current folder. The speeds are kept: from
    then on plans, `--device auto` and receipts use them. The exit code is 9 if jobs cannot run here; warnings leave it
    at 0.
    """
    checks = find_all(Path.cwd())
    speeds = known_speeds() if no_measure else measured_speeds(Path.cwd())
    checks += speed_checks(speeds, now_s=time.time())
    if as_json:
        measured = {device: None if one is None else one.to_json() for device, (one, _) in speeds.items()}
        document = {"schema": 1, "usable": _usable(checks), "checks": [asdict(check) for check in checks]}
        click.echo(json.dumps(document | {"calibrations": measured}, indent=2))
    else:
        names = [check.name for check in checks]
        for check in checks:
            click.echo(check_line(check, names))
        click.echo(f"\n{_verdict(checks)}", err=True)
    return 0 if _usable(checks) else EXIT_UNUSABLE


def find_all(folder: Path) -> list[Check]:
    """Return all findings, for jobs whose outputs go to `folder`."""
    folders = {"this folder": folder, "temporary folder": Path(tempfile.gettempdir())}
    return [
        *software_checks(),
        *machine_checks(),
        *gpu_checks(),
        *(folder_check(name, place) for name, place in folders.items()),
    ]


def _usable(checks: list[Check]) -> bool:
    return all(check.status != "fail" for check in checks)


def _verdict(checks: list[Check]) -> str:
    n_warnings = sum(check.status == "warn" for check in checks)
    if not _usable(checks):
        return "Jobs cannot run here: see the lines marked fail."
    if n_warnings:
        return f"Jobs can run here; {n_warnings} thing{'s' * (n_warnings != 1)} could be better."
    return "All is well. Try: arraymill demo"

"""``arraymill config``: every setting that a job would have here, and where it comes from."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import click

from ..dask_files import user_file
from ..spec.document import Document
from ..spec.job_spec import Settings
from ..spec.load import check_document
from ..spec.section import Section
from ..spec.yaml import parse_yaml, read_text
from ..store import home_folder
from .help import Command
from .options import job_options
from .request import all_settings, check_job
from .terminal import escape

__all__ = ["config"]

_Layer: TypeAlias = Literal["default", "dask.config", "job file", "profile", "environment", "option"]
_OF_ONE_JOB = {"output", "force", "name"}
"""Options that are no settings."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting as a job would have it.

    Parameters
    ----------
    name : str
        As ``--set`` takes it.
    value, default : Any
    layer : str
        Which layer it comes from.
    origin : str
        Where in the layer it stands.
    """

    name: str
    value: Any
    default: Any
    layer: _Layer
    origin: str


@click.command(
    "config",
    cls=Command,
    params=[option for option in job_options() if option.name not in _OF_ONE_JOB],
    short_help="Show every setting and where it comes from",
    examples=(
        "arraymill config",
        "arraymill config job.yaml --config laptop",
        "DASK_ARRAYMILL__COMPUTE__PRECISION=strict arraymill config",
        "arraymill config --set compute.block=64MB --json",
    ),
    epilog="Settings of all your jobs: ~/.config/dask/arraymill.yaml, as `arraymill: {compute: {precision: strict}}`.",
)
@click.argument("path", required=False, metavar="[JOB.yaml]", type=click.Path())
def config(path: str | None, as_json: bool, **flags: Any) -> None:
    """Show every setting and where it comes from.

    An option wins over a variable ARRAYMILL_*, that over a profile (--config), that over the job file, that over Dask's
    configuration (section arraymill), that over the default. What is wrong with a setting is said as `run` would.
    """
    document = all_settings(_read(path), flags)
    is_job = bool(set(document.tree) - set(Settings.model_fields))
    checked = check_job(document) if is_job else check_document(document, Settings)
    settings = list(_settings(checked, document))
    home, home_origin = str(home_folder()), "ARRAYMILL_HOME" if os.environ.get("ARRAYMILL_HOME") else "default"
    mine = user_file()
    if as_json:
        record = {
            "schema": 1,
            "settings": [asdict(setting) for setting in settings],
            "home": {"path": home, "origin": home_origin},
            "dask_config": {"path": str(mine), "exists": mine.is_file()},
        }
        click.echo(json.dumps(record, indent=2))
        return
    rows = [(setting.name, _text(setting.value), setting.origin) for setting in settings]
    for line in _lines(rows):
        click.echo(line)
    click.echo(f"\nhome of jobs      {escape(home)} ({home_origin})")
    click.echo(f"your own settings {escape(str(mine))} ({'read' if mine.is_file() else 'not there'})")


def _read(path: str | None) -> Document:
    if path is None:
        return Document({}, "the settings")
    text = sys.stdin.buffer.read(1 << 20) if path == "-" else read_text(path)
    return parse_yaml(text, "stdin" if path == "-" else path)


def _settings(checked: Settings, document: Document) -> Iterator[_Setting]:
    defaults = Settings()
    for section in Settings.model_fields:
        values, shipped = getattr(checked, section), getattr(defaults, section)
        if not isinstance(shipped, Section):
            continue
        for field in type(values).model_fields:
            written = document.tree.get(section) or {}
            place = document.place((section, field)) if field in written else ""
            yield _Setting(
                f"{section}.{field}", getattr(values, field), getattr(shipped, field), *_origin(place, document.origin)
            )


def _origin(place: str, job: str) -> tuple[_Layer, str]:
    """Return the layer of a place, and the place as editors and shells spell it: ``job.yaml:12``."""
    if not place:
        return "default", "default"
    if place.startswith("line "):
        return "job file", f"{job}:{place.removeprefix('line ')}"
    spelled = re.sub(r", line (\d+)$", r":\1", place)
    if place.startswith("-"):
        return "option", place
    if place.startswith("ARRAYMILL_"):
        return "environment", place
    if place.startswith(("dask config: ", "DASK_")) or place == "dask.config":
        return "dask.config", spelled
    return "profile", spelled


def _text(value: Any) -> str:
    """Return a value as a job file has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _lines(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    yield click.style(f"{'setting':<{widths[0]}}  {'value':<{widths[1]}}  origin", bold=True)
    for name, value, origin in rows:
        line = escape(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")
        yield click.style(line, dim=True) if origin == "default" else line

"""``arraymill cluster``: a warm cluster that jobs attach to, and the GPUs that are here."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, get_args

import click

from ..durations import format_age
from ..limits import Precision
from .help import Command, Group
from .job_ids import json_option
from .options import verbosity_options
from .terminal import echo_note, escape

if TYPE_CHECKING:
    from arraymill.cluster.warm.cluster import WarmCluster

__all__ = ["cluster", "cluster_record", "cluster_text"]

EXIT_NONE = 9
_SECRETS = ("certificate", "key")


def cluster_text(found: WarmCluster, now_s: float) -> str:
    """Return a warm cluster as lines of text."""
    from .job_view import label_rows

    n = found.n_workers
    return label_rows(
        f"warm cluster, {found.kind}",
        [
            ("workers", f"{n} worker{'s' * (n != 1)} on {escape(', '.join(found.device_names))}"),
            ("precision", found.precision),
            ("up for", f"{format_age(now_s - found.started_s)}, server process {found.pid}"),
            ("address", escape(found.address)),
            ("dashboard", escape(found.dashboard_link)),
            ("log", escape(found.log)),
            ("next", "jobs that fit it use it; arraymill cluster stop ends it"),
        ],
    )


def cluster_record(found: WarmCluster) -> dict[str, Any]:
    """Return a warm cluster as a JSON document, without its keys."""
    from dataclasses import asdict

    return {name: value for name, value in asdict(found).items() if name not in _SECRETS}


def _show(found: WarmCluster, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"schema": 1, "cluster": cluster_record(found)}, indent=2))
    else:
        click.echo(cluster_text(found, time.time()))


def _start(kind: str, workers: int | None, gpus: str | None, precision: str, dashboard: bool, as_json: bool) -> None:
    from arraymill.cluster.config import ClusterConfig  # a --help page needs no cluster
    from arraymill.cluster.warm.cluster import start_warm

    from ..api.stored.workplace import warm_home

    config = ClusterConfig(
        kind,  # type: ignore[arg-type]
        workers=workers,
        gpus=_parse_gpus(gpus),
        precision=precision,  # type: ignore[arg-type]
        dashboard=dashboard,
    )
    home = warm_home()
    home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    echo_note("starting workers")
    _show(start_warm(config, home), as_json)


def _parse_gpus(text: str | None) -> int | tuple[str, ...] | None:
    if text is None:
        return None
    named = tuple(part.strip() for part in text.split(",") if part.strip())
    return int(named[0]) if len(named) == 1 and named[0].isdecimal() else named


def _status(as_json: bool) -> int:
    from arraymill.cluster.warm.cluster import warm_status

    from ..api.stored.workplace import warm_home

    found = warm_status(warm_home())
    if found is not None:
        _show(found, as_json)
        return 0
    if as_json:
        click.echo(json.dumps({"schema": 1, "cluster": None}, indent=2))
    echo_note("no warm cluster runs: arraymill cluster start starts one")
    return EXIT_NONE


def _stop(as_json: bool) -> None:
    from arraymill.cluster.warm.cluster import stop_warm

    from ..api.stored.workplace import warm_home

    ended = stop_warm(warm_home())
    if as_json:
        click.echo(json.dumps({"schema": 1, "cluster": None if ended is None else cluster_record(ended)}, indent=2))
    n = 0 if ended is None else ended.n_workers
    echo_note("no warm cluster ran" if ended is None else f"ended, with {n} worker{'s' * (n != 1)}")


def _gpus(as_json: bool) -> None:
    from dataclasses import asdict

    from arraymill.cluster.devices import gpu_problem, gpus  # a --help page asks no driver

    from ..sizes import format_bytes

    found = gpus()
    if as_json:
        click.echo(json.dumps({"schema": 1, "gpus": [asdict(gpu) for gpu in found]}, indent=2))
        return
    for gpu in found:
        total, free = gpu.memory_total_bytes, gpu.memory_free_bytes
        memory = f"{format_bytes(free)} free of {format_bytes(total)}" if total else "memory shared with the host"
        click.echo(f"{gpu.index}  {escape(gpu.uuid)}  {escape(gpu.name)}  {memory}")
    if not found:
        echo_note(f"no GPU can be used: {gpu_problem() or 'none was found'}")


def _command(name: str, callback: Any, options: list[click.Parameter], help: str, example: str) -> Command:
    summary = help.partition("\n")[0].removesuffix(".")
    params = [*options, json_option(), *verbosity_options()]
    return Command(name, callback=callback, params=params, short_help=summary, help=help, examples=(example,))


_START_OPTIONS: list[click.Parameter] = [
    click.Option(
        ["--kind"],
        type=click.Choice(["auto", "local", "cuda"]),
        default="auto",
        help="auto: cuda if there is a GPU.",
    ),
    click.Option(["--workers"], type=click.IntRange(min=1), metavar="N", help="Worker processes [one per CPU or GPU]."),
    click.Option(["--gpus"], metavar="N|UUID,...", help="How many GPUs, or which [all]."),
    click.Option(
        ["--precision"],
        type=click.Choice(get_args(Precision)),
        default="standard",
        help="Jobs of another precision do not use it [standard].",
    ),
    click.Option(["--dashboard"], is_flag=True, help="Serve Dask's dashboard on 127.0.0.1."),
]

cluster = Group(
    "cluster",
    commands=[
        _command(
            "start",
            _start,
            _START_OPTIONS,
            "Start a cluster that stays.\n\n"
            "Jobs that fit it use it, one after another, without waiting for workers to start.",
            "arraymill cluster start --kind local --workers 8",
        ),
        _command(
            "status",
            _status,
            [],
            "Show the warm cluster.\n\nThe exit code is 9 if none runs.",
            "arraymill cluster status",
        ),
        _command("stop", _stop, [], "End the warm cluster; it is no error if none runs.", "arraymill cluster stop"),
        _command("gpus", _gpus, [], "List the GPUs by UUID.", "arraymill cluster gpus --json"),
    ],
    short_help="Keep workers running between jobs, and list the GPUs",
    help="Keep workers running between jobs, and list the GPUs.",
    examples=(
        "arraymill cluster start",
        "arraymill cluster status",
        "arraymill cluster stop",
        "arraymill cluster gpus",
    ),
)

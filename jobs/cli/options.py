"""The options that every job command takes, and the job document that they make.

An option without a value on the command line says nothing: the job file, then the shipped default, decides.
"""

from __future__ import annotations

from typing import Any, get_args

import click

from ..limits import Precision
from .help import SectionOption
from .terminal import VERBOSITY

__all__ = ["job_options", "verbosity_options"]

_WHERE, _WITHIN, _WHAT = "Where it runs", "Job", "Output"


def _set_verbosity(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[VERBOSITY] = 1 if param.name == "verbose" else -1


def verbosity_options() -> list[click.Option]:
    """Return new -v and -q options."""
    shared: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _set_verbosity}
    return [
        click.Option(["-v", "--verbose"], help="Say more; tracebacks for errors.", **shared),
        click.Option(["-q", "--quiet"], help="No progress and no notes.", **shared),
    ]


def job_options() -> list[click.Option]:
    """Return new options of `run` and `plan`, apart from the operation's own parameters."""
    return [*_output_options(), *_place_options(), *_job_options(), *verbosity_options()]


def _output_options() -> list[click.Option]:
    return [
        SectionOption(
            ["-o", "--output"],
            metavar="FILE",
            type=click.Path(),
            section=_WHAT,
            help="The result: a .npy, .npz, .zarr, .h5, .hdf5, .csv, .tsv or .parquet; out.h5::name names the array in "
            "it. It appears only when it is whole. - is stdout: .npy for a program, lines on a terminal. A small "
            "result without -o is printed.",
        ),
        SectionOption(["--force"], is_flag=True, section=_WHAT, help="Replace the output file if it exists."),
        SectionOption(["--json", "as_json"], is_flag=True, section=_WHAT, help="Print one JSON document."),
    ]


def _setting(name: str, **kwargs: Any) -> SectionOption:
    variable = f"ARRAYMILL_{name.upper().replace('-', '_')}"
    return SectionOption([f"--{name}"], section=_WHERE, envvar=variable, **kwargs)


def _place_options() -> list[click.Option]:
    choice = click.Choice
    return [
        _setting("device", type=choice(["auto", "cuda", "cpu"]), help="auto: a GPU if there is one."),
        _setting(
            "precision",
            type=choice(list(get_args(Precision))),
            help="strict: float64; standard: the input's dtype; fast: TF32 tensor cores; "
            "fast-fp32: three TF32 products, nearly float32; fast-bf16: bfloat16.",
        ),
        _setting("memory", metavar="SIZE", help="Memory of all workers together, as 60GB or 70%."),
        _setting("device-memory", metavar="SIZE", help="Memory of each GPU, as 60GB or 80%."),
        _setting("cluster", type=choice(["auto", "inline", "local", "cuda"]), help="Kind of cluster."),
        _setting("workers", metavar="N", help="Worker processes; the result does not depend on them."),
        _setting("gpus", metavar="N|UUID,...", help="How many GPUs, or which."),
        _setting("dashboard", is_flag=True, default=None, help="Serve Dask's dashboard on 127.0.0.1."),
        SectionOption(
            ["--config"],
            metavar="PROFILE",
            envvar="ARRAYMILL_CONFIG",
            section=_WHERE,
            help="Settings from a shipped profile (laptop, one-gpu, node) or a file.",
        ),
    ]


def _job_options() -> list[click.Option]:
    return [
        SectionOption(["--name"], metavar="NAME", section=_WITHIN, help="How the job is called."),
        SectionOption(
            ["--hash"],
            type=click.Choice(["sampled", "full"]),
            section=_WITHIN,
            help="How inputs are fingerprinted, to find changes before a resume: samples, or every byte.",
        ),
        SectionOption(
            ["--set", "settings"],
            multiple=True,
            metavar="KEY=VALUE",
            section=_WITHIN,
            help="Any field of the job file, as fault.retries=0. Repeatable; wins over everything else.",
        ),
    ]

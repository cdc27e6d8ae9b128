"""``arraymill verify``: the output of a job, or any file, beside what NumPy computes in float64."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .help import Command, Group, SectionOption
from .job_ids import json_option
from .options import verbosity_options
from .terminal import echo_note, escape

if TYPE_CHECKING:
    from ..api.stored.recomputing import Checked
    from ..operations import Operation

__all__ = ["verify"]

_SAMPLE, _SEED = 8, 0


class _VerifyGroup(Group):
    """One command per operation, for files; any other word is a job."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from ..operations import OPERATIONS  # a --help page of the top needs none

        return list(OPERATIONS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from ..operations import OPERATIONS

        operation = OPERATIONS.get(cmd_name)
        return _job_command(cmd_name) if operation is None else _operation_command(operation)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0].startswith("-"):
            ctx.fail(f"{args[0]} comes too early: options follow the job, or the operation and its files.")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # without this, click itself would refuse `verify --sample 3 ID` as "no such option"
        ctx.ignore_unknown_options = True
        return super().parse_args(ctx, args)


def _shared_options(seed: str = "--seed") -> list[click.Option]:
    return [
        click.Option(
            ["--sample"],
            type=click.IntRange(1, 10_000),
            default=_SAMPLE,
            show_default=True,
            help="How many samples are recomputed of each output.",
        ),
        click.Option(
            [seed, "seed"],
            type=click.IntRange(0),
            default=_SEED,
            show_default=True,
            help="Which samples are taken: the same seed takes the same ones.",
        ),
        json_option(),
        *verbosity_options(),
    ]


def _job_command(job: str) -> click.Command:
    def callback(sample: int, seed: int, as_json: bool) -> None:
        from ..api.stored.recomputing import verify_job
        from ..store import find_job
        from .endings import check_done

        folder = find_job(job)
        check_done(folder)
        checked = verify_job(folder, n_samples=sample, seed=seed)
        next_step = f"arraymill report {folder.id} says how it was made; run {folder.spec} as a new job, and compare"
        _show(checked, {"id": folder.id}, sample, seed, as_json, next_step=next_step)

    return Command(job, params=_shared_options(), callback=callback, help="A job that is done.")


def _operation_command(operation: Operation) -> click.Command:
    from typing import get_args

    from ..limits import Precision
    from .parameters import given_parameters, parameter_options

    def callback(files: Sequence[str], sample: int, seed: int, as_json: bool, precision: Any, **values: Any) -> None:
        params = given_parameters(values)
        checked = _check_files(operation, files, params, sample, seed, precision)
        next_step = "make the output again, and compare; are these its inputs, and these its parameters?"
        _show(checked, {"operation": operation.name}, sample, seed, as_json, next_step=next_step)

    # some operations have a seed of their own
    seed = "--sample-seed" if "seed" in operation.params.model_fields else "--seed"
    files = click.Argument(["files"], metavar=_metavar(operation), nargs=-1, type=click.Path(), required=True)
    precision = SectionOption(
        ["--precision"],
        type=click.Choice(list(get_args(Precision))),
        default="standard",
        section="Job",
        help="In which the output was made: it decides the bound.",
    )
    return Command(
        operation.name,
        params=[files, *parameter_options(operation), precision, *_shared_options(seed)],
        callback=callback,
        help=f"{operation.summary}, checked against NumPy.",
        short_help=operation.summary,
        examples=(_example(operation),),
    )


def _metavar(operation: Operation) -> str:
    names = [name.upper() for name in operation.inputs]
    if operation.variadic:
        names = [f"{names[0]}..."]
    return " ".join([*names, "OUT"])


def _example(operation: Operation) -> str:
    before, _, after = operation.example.replace("arraymill run", "arraymill verify").partition(" -o ")
    words = before.split()
    n_files = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join([*words[:n_files], after or "out.npy", *words[n_files:]])


def _check_files(
    operation: Operation, files: Sequence[str], params: dict[str, Any], sample: int, seed: int, precision: Any
) -> tuple[Checked, ...]:
    """Return what is found of an output file, and of those that lie beside it."""
    from pathlib import Path

    from ..api.stored.recomputing import Checked
    from ..arrays import open_source
    from ..job import open_job
    from ..operations import OPERATIONS
    from ..output_names import output_beside
    from ..spec.document import Document
    from ..verification import check_problem, make_problem
    from ..verification.problem import output_names
    from .request import check_job

    *inputs, out = files
    job = open_job(check_job(Document({"op": operation.name, "inputs": inputs, "params": params}, "the command line")))
    asked = OPERATIONS[job.operation.name]
    outputs = {}
    for number, name in enumerate(output_names(asked, job.sources, job.params)):
        path = out if number == 0 else output_beside(out, name)
        if number == 0 or Path(path.partition("::")[0]).exists():
            outputs[name] = open_source(path)
    problem = make_problem(
        asked, job.sources, job.params, outputs, n_samples=sample, seed=seed, precision=precision
    )
    return (Checked("", asked.name, tuple(check_problem(problem))),)


def _show(
    checked: Sequence[Checked], what: dict[str, str], sample: int, seed: int, as_json: bool, *, next_step: str
) -> None:
    """Print what was found, and raise for what is beyond its bound."""
    from ..api.stored.recomputing import checked_record
    from ..verification import failure_of

    findings = [finding for each in checked for finding in each.findings]
    failure = failure_of(findings, safe="nothing was changed", next_step=next_step)
    if as_json:
        records = [checked_record(each) for each in checked]
        document = {"schema": 1, **what, "sample": sample, "seed": seed, "ok": failure is None, "checks": records}
        click.echo(json.dumps(document, indent=2))
    else:
        for line in _table(checked):
            click.echo(escape(line))
    if failure is not None:
        raise failure
    n_left = sum(1 for each in checked if each.reason)
    echo_note("all within their bounds" + (f"; {n_left} step(s) were not checked" if n_left else ""))


def _table(checked: Sequence[Checked]) -> list[str]:
    from ..verification.wording import finding_row

    rows = [("checked", "elements", "error", "bound", "at", "", "how")]
    lines = []
    for each in checked:
        named = f"{each.step}: " if each.step else ""
        rows += [(named + row[0], *row[1:]) for row in map(finding_row, each.findings)]
        if each.reason:
            lines.append(f"  {each.step or each.operation}: not checked: {each.reason}")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [*(line.rstrip() for line in table), *lines]


verify = _VerifyGroup(
    "verify",
    subcommand_metavar="ID [OPTIONS] | OPERATION INPUT... OUT [OPTIONS]",
    options_metavar="",
    short_help="Check an output against NumPy in float64",
    help="Check an output against NumPy in float64.\n\n"
    "Samples of the output are computed anew, by NumPy, from the inputs as they are now; of products Freivalds' check "
    "looks at every element. Shown are the largest error, its bound and where that is. The exit code is 8 if an error "
    "is beyond its bound. Memory stays below about 256 MB for arrays of any size; what cannot be checked within that "
    "is refused (exit code 2), and inputs that changed since the job ran are (3).",
    examples=(
        "arraymill verify k3f9qzab",
        "arraymill verify k3f9qzab --sample 100 --json",
        "arraymill verify matmul a.npy b.npy c.npy",
        "arraymill verify mean x.npy means.npy --axis 0",
    ),
)

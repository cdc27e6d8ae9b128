"""A group with one command per operation, and one per job file: ``run sum x.npy``, ``run job.yaml``, ``run -``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from ..operations import OPERATIONS, Operation
from ..spec.document import Document, Location
from ..spec.errors import suggest
from ..spec.yaml import parse_yaml, read_text
from .help import Command, Group
from .options import job_options
from .parameters import given_parameters, parameter_options
from .request import job_of

__all__ = ["Action", "OperationGroup"]

Action: TypeAlias = Callable[..., int | None]
"""What is done with a job: ``action(job, as_json, **more) -> exit code or None``."""

_JOB_FILES = (".yaml", ".yml")
_ARRAYS = (".npy", ".npz", ".zarr", ".h5", ".hdf5", ".nc", ".mat", ".csv", ".tsv", ".parquet")


class OperationGroup(Group):
    """Commands made from the table of operations.

    Parameters
    ----------
    action : callable
        What every command of the group does with the job it was given.
    more : callable
        Returns new options of this group alone, whose values the action takes by name.
    """

    def __init__(
        self, name: str, action: Action, *, more: Callable[[], list[click.Option]] = lambda: [], **kwargs: Any
    ) -> None:
        usage = "OPERATION INPUT... [OPTIONS] | JOB.yaml [OPTIONS] | -"
        super().__init__(name, subcommand_metavar=usage, options_metavar="", **kwargs)
        self.action, self.more = action, more

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(OPERATIONS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        operation = OPERATIONS.get(cmd_name)
        if operation is not None:
            return self._operation_command(operation)
        if cmd_name == "-" or cmd_name.endswith(_JOB_FILES):
            return self._file_command(cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name.startswith("-") and name != "-":
            ctx.fail(f"{name} comes too early: options follow the operation and its inputs.")
        if name not in OPERATIONS and name != "-" and not name.endswith(_JOB_FILES):
            ctx.fail(self._unknown(name))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete operations, and files: a job file stands where an operation may."""
        return [*super().shell_complete(ctx, incomplete), CompletionItem(incomplete, type="file")]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Without this, click itself would refuse `run -o c.npy matmul ...` as "no such option".
        ctx.ignore_unknown_options = True
        return super().parse_args(ctx, args)

    def _unknown(self, name: str) -> str:
        if name.partition("::")[0].endswith(_ARRAYS) or Path(name).is_file():
            return f"{name} is a file, and the operation comes first: arraymill {self.name} sum {name}"
        return f"no operation is called {name!r}{suggest(name, OPERATIONS)}"

    def _operation_command(self, operation: Operation) -> click.Command:
        def callback(as_json: bool, **values: Any) -> int | None:
            inputs = _as_inputs(operation, values)
            params = given_parameters(values)
            places: dict[Location, str] = {("params", name): f"--{name.replace('_', '-')}" for name in params}
            tree = {"op": operation.name, "inputs": inputs, "params": params}
            return self._act(Document(tree, "the command line", places), as_json, values)

        return _OperationCommand(
            f"{operation.name}",
            params=[*_inputs(operation), *parameter_options(operation), *job_options(), *self.more()],
            callback=callback,
            help=operation.summary + ".",
            short_help=operation.summary,
            examples=(operation.example.replace("arraymill run", f"arraymill {self.name}"),),
        )

    def _file_command(self, path: str) -> click.Command:
        def callback(as_json: bool, **values: Any) -> int | None:
            text = sys.stdin.buffer.read(1 << 20) if path == "-" else read_text(path)
            return self._act(parse_yaml(text, "stdin" if path == "-" else path), as_json, values)

        options = [*job_options(), *self.more()]
        return Command(path, params=options, callback=callback, help="A job file; options win over it.")

    def _act(self, document: Document, as_json: bool, values: dict[str, Any]) -> int | None:
        own = {option.name: values.pop(option.name) for option in self.more() if option.name is not None}
        return self.action(job_of(document, values), as_json, **own)


class _OperationCommand(Command):
    """A command that says of too many inputs what the shell may have made of a pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            n_inputs = sum(isinstance(param, click.Argument) for param in self.params)
            ctx.fail(
                f"{self.name} takes {n_inputs} input{'s' * (n_inputs != 1)}, and {rest[0]} is one more; several files "
                'stand as one input by a pattern in quotes, as "runs/*.npy"'
            )
        return rest


def _input_names(operation: Operation) -> Sequence[str]:
    return operation.inputs[:1] if operation.variadic else operation.inputs


def _as_inputs(operation: Operation, values: dict[str, Any]) -> list[str] | dict[str, str]:
    """Return the inputs by name, as ``--set inputs.x.dtype=f4`` asks for them; any number of them as a list."""
    if operation.variadic:
        return [*values.pop("in0")]
    return {name: values.pop(f"in{n}") for n, name in enumerate(operation.inputs)}


def _inputs(operation: Operation) -> list[click.Argument]:
    n_each = -1 if operation.variadic else 1
    return [
        click.Argument([f"in{n}"], metavar=name.upper(), nargs=n_each, type=click.Path(), required=True)
        for n, name in enumerate(_input_names(operation))
    ]

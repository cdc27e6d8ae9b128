"""Where the command line starts. Commands are imported when they are called: ``--help`` needs click alone."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from ..errors import OutputError
from .failures import Terminated, as_failure, echo_usage_error
from .help import CONTEXT_SETTINGS, Group
from .options import verbosity_options
from .streams import mute, open_missing_streams, to_stdout
from .terminal import wants_color

__all__ = ["LazyGroup", "arraymill", "main"]

COMMANDS = {
    "run": "Run an operation, or a job file, and write the result",
    "submit": "Run a job in the background, and print its id",
    "plan": "Show what a job would take, and run nothing",
    "list": "List the jobs, active ones first",
    "status": "Show how a job stands, and what to do next",
    "logs": "Show what a job, or one of its workers, said",
    "wait": "Wait until jobs have ended, and exit with their code",
    "cancel": "End jobs, and keep what they have done",
    "resume": "Finish a job that was stopped, killed or has failed",
    "explain": "Say why a job waits or failed, and what would run again",
    "report": "Show where the time and the memory of a job went",
    "verify": "Check an output against NumPy in float64",
    "result": "Print where a job's outputs are, or the small results themselves",
    "clean": "Remove the records of jobs that are over, never outputs",
    "cluster": "Keep workers running between jobs, and list the GPUs",
    "ops": "List the operations, or describe one",
    "demo": "Run real jobs on this machine and check them against NumPy",
    "doctor": "Check what this machine has and what is missing",
    "bench": "Compare NumPy, torch and arraymill on this machine's CPU and GPU",
    "validate": "Check job files and profiles",
    "schema": "Print the JSON Schema of the job file",
    "config": "Show every setting and where it comes from",
}
_HIDDEN = ("drive",)
"""Commands that `submit` calls, not people."""
_MODULES = {"plan": "run", "schema": "validate", "cancel": "resume", "list": "listing"}
_ATTRIBUTES = {"list": "list_command"}
"""Where the module's own name for a command is another: `list` is Python's."""

_FEW_COLLECTIONS = 100_000
"""So many more objects than were freed, and the youngest are looked through: a small job makes 60,000."""
_BELOW = ("numpy", "pydantic", "..operations", "..arrays", "..engine", "..store", "..runner")
_JOB = (*_BELOW, "..api.stored.driver", ".actions")
_IMPORTED_BY = {"run": _JOB, "plan": _JOB}
"""From the bottom up."""
_NEEDING_AN_END = {"torch", "distributed"}
"""Libraries with threads and devices of their own, which they let go of when the interpreter ends."""
_WORKING = "arraymill_"
"""Names of the threads on which blocks run inline begin with it."""


class LazyGroup(Group):
    """The top of the commands: imports each when it is needed, and turns every error into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS and cmd_name not in _HIDDEN:
            return None
        module = import_module(f".{_MODULES.get(cmd_name, cmd_name)}", __package__)
        command: click.Command = getattr(module, _ATTRIBUTES.get(cmd_name, cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and args[0] not in _HIDDEN:
            from difflib import get_close_matches

            operations = import_module("..operations", __package__).OPERATIONS
            meant = [f"run {args[0]}"] if args[0] in operations else get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean arraymill {meant[0]}?" if meant else ""
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            raise as_failure(error) from error

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            result = super().main(*args, **kwargs)
            with to_stdout():
                sys.stdout.flush()
        except click.UsageError as error:
            echo_usage_error(error)
            sys.exit(2)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (OutputError, BrokenPipeError, KeyboardInterrupt, click.Abort) as error:
            failure = as_failure(KeyboardInterrupt() if isinstance(error, click.Abort) else error)
            failure.show()
            sys.exit(failure.exit_code)
        sys.exit(result if isinstance(result, int) else 0)


@click.group(
    "arraymill",
    cls=LazyGroup,
    params=verbosity_options(),
    context_settings=CONTEXT_SETTINGS | {"auto_envvar_prefix": "ARRAYMILL"},
    examples=(
        "arraymill run mean x.npy --axis 0 -o means.npy",
        "arraymill run matmul a.npy b.npy -o c.npy",
        "arraymill run job.yaml --precision fast",
        "arraymill plan matmul a.npy b.npy",
        "arraymill demo",
    ),
    epilog='Shell completion: eval "$(_ARRAYMILL_COMPLETE=bash_source arraymill)" (or zsh_source, fish_source).',
)
@click.version_option(package_name="arraymill", message="arraymill %(version)s")
@click.pass_context
def arraymill(ctx: click.Context) -> None:
    """Batch jobs over NumPy arrays larger than memory, on every GPU or every core.

    Results go to files or to stdout; progress and errors go to stderr.
    """
    ctx.color = wants_color(sys.stdout)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def main() -> NoReturn:
    """Run the command line of this process and exit; nothing after the call is reached."""
    open_missing_streams()
    signal.signal(signal.SIGTERM, _terminate)
    # What a command imports stays: to look through it for garbage again and again takes a fifth of a short job.
    gc.set_threshold(_FEW_COLLECTIONS, 20, 20)
    # 10 ms, for plugins of which there are none
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if sys.argv[1:] and not {"-h", "--help"}.intersection(sys.argv):
        _import_bottom_up(next((word for word in sys.argv[1:] if not word.startswith("-")), ""))
    try:
        arraymill.main(prog_name="arraymill")
    except SystemExit as leaving:
        _leave_at_once(leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None))
        raise


def _import_bottom_up(command: str) -> None:
    """Import what a command will import, so that no import stands on top of many others.

    Python 3.11 takes memory from the kernel, and gives it back, for every call that starts at one depth of its stack;
    NumPy makes thousands of calls while it is imported, and whether they were so deep was a matter of luck: 40 ms.
    """
    # an import that fails does so again where errors become messages
    with suppress(Exception):
        for module in _IMPORTED_BY.get(command, ()):
            import_module(module, __package__)


def _leave_at_once(exit_code: int) -> None:
    """End the process without taking the interpreter apart; return where that, or others, have to be waited for.

    That takes a tenth of a second: as long as NumPy takes to start.
    """
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    is_stuck = any(thread.name.startswith(_WORKING) for thread in others)
    if is_stuck:
        # blocks that a second Ctrl-C left behind; the interpreter would wait for them
        sys.stderr.flush()
        os._exit(exit_code)
    if others or not _NEEDING_AN_END.isdisjoint(sys.modules):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        # the interpreter knows how to say so
        return
    try:
        sys.stderr.flush()
    except OSError:
        mute(2)
    os._exit(exit_code)

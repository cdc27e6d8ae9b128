import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.cli import main as main_module
from arraymill.jobs.cli.main import COMMANDS, arraymill
from arraymill.jobs.errors import BlockFailedError, JobError

SCRIPT = str(Path(sys.executable).with_name("arraymill"))
HEAVY = ("torch", "dask", "distributed", "dask_cuda", "pynvml")


def modules_after(*args):
    """Return which modules a command line imports, in a process of its own."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('MODULES', *sys.modules))\n"
        f"sys.argv = {['arraymill', *args]!r}\n"
        "from arraymill.jobs.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.rpartition("MODULES")[2].split())


def test_help_needs_click_alone():
    modules = modules_after("--help")
    assert not modules & {*HEAVY, "numpy", "pydantic", "yaml", "rich"}


@pytest.mark.parametrize("args", [("run", "--help"), ("run", "sum", "-h"), ("ops", "var"), ("plan", "-h"), ("schema",)])
def test_help_of_commands_needs_neither_torch_nor_dask(args):
    assert not modules_after(*args) & {*HEAVY, "rich"}


STORED = ["list", "status", "logs", "wait", "explain", "report", "result", "clean", "cluster"]


@pytest.mark.parametrize("command", STORED)
def test_help_of_commands_on_stored_jobs_needs_click_alone(command):
    assert not modules_after(command, "--help") & {*HEAVY, "numpy", "pydantic", "yaml", "rich"}


@pytest.mark.usefixtures("home")
def test_listing_jobs_needs_neither_torch_nor_dask():
    assert not modules_after("list") & {*HEAVY, "pydantic", "rich"}


def test_every_command_is_there_with_the_same_summary():
    for name, summary in COMMANDS.items():
        command = arraymill.get_command(None, name)
        assert command.short_help == summary
        assert command.name == name
        assert command.examples


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_shows_examples_before_usage(call, flag):
    text = call(flag).stdout
    assert text.index("Examples:") < text.index("Usage:") < text.index("Commands:") < text.index("Options:")


def test_version(call):
    assert call("--version").stdout.startswith("arraymill ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rum"], "did you mean arraymill run?"),
        (["sum", "x.npy"], "did you mean arraymill run sum?"),
        (["zzz"], "there is no command 'zzz'"),
        (["ops", "--jsn"], "--json"),
        (["run"], "Examples:"),
        ([], "Examples:"),
    ],
)
def test_wrong_use_leaves_with_2(call, args, said):
    result = call(*args)
    assert result.exit_code == 2
    assert said in result.output


def failing_with(error):
    def command(*args, **kwargs):
        raise error

    return command


@pytest.fixture
def ops_fails(monkeypatch):
    def fail(error):
        module = import_module("arraymill.jobs.cli.ops")
        monkeypatch.setattr(module, "_list", failing_with(error))

    return fail


@pytest.mark.parametrize(
    ("error", "exit_code", "head"),
    [
        (JobError("it broke", cause="this", safe="that", next="those"), 1, "error[job-failed]: it broke"),
        (BlockFailedError("block 3 failed"), 1, "error[block-failed]: block 3 failed"),
        (KeyboardInterrupt(), 130, "error[interrupted]"),
        (ZeroDivisionError("division by zero"), 70, "error[bug]: ZeroDivisionError: division by zero"),
    ],
)
def test_errors_leave_with_their_code_in_one_block(call, ops_fails, error, exit_code, head):
    ops_fails(error)
    result = call("ops")
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr.startswith(head)
    assert "Traceback" not in result.stderr


def test_a_folder_that_is_gone_is_no_bug(call, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = call("run", "sum", "x.npy")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        2,
        "error[usage]: the current folder is not there any more",
    )


def test_traceback_comes_with_verbose_only(call, ops_fails):
    ops_fails(ZeroDivisionError("division by zero"))
    assert "Traceback" in call("-v", "ops").stderr


def test_error_has_the_documented_form(call, ops_fails):
    ops_fails(JobError("what", cause="one\ntwo", safe="three", next="four"))
    assert call("ops").stderr.splitlines() == [
        "error[job-failed]: what",
        "  cause: one",
        "         two",
        "  safe:  three",
        "  next:  four",
    ]


def test_control_characters_are_escaped(call):
    result = call("run", "sum", "evil\x1b[2Jname.npy")
    assert result.exit_code == 3
    assert "\x1b" not in result.output
    assert "evil\\x1b[2Jname.npy" in result.stderr


@pytest.mark.parametrize(("variable", "colored"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_color_follows_the_environment(variable, colored):
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")} | {variable: "1"}
    done = subprocess.run([SCRIPT, "ops", "nothing"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert ("\x1b[" in done.stderr) is colored


def test_closed_pipe_is_quiet():
    # The reader closes before anything is written.
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as out:
        done = subprocess.run([SCRIPT, "schema"], stdout=out, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_leave_with_their_code(number, exit_code):
    # `run -` waits for a job file on stdin: a place to be interrupted at.
    process = subprocess.Popen([SCRIPT, "run", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_reading(process.pid)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == exit_code
    assert errors.startswith("error[interrupted]")


def wait_until_reading(pid):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        waiting_in = Path(f"/proc/{pid}/syscall").read_text().split()
        # System call 0 is read, and descriptor 0 is stdin.
        if waiting_in[:2] == ["0", "0x0"]:
            return
        time.sleep(0.02)
    raise AssertionError("it never read stdin")


def test_group_is_registered_for_dask_under_its_own_name():
    assert arraymill.name == "arraymill"
    assert main_module.arraymill is arraymill


@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_is_imported_ahead_is_what_the_command_imports(command, tmp_path, monkeypatch):
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    np.save(tmp_path / "x.npy", np.ones(6))
    path = str(tmp_path / "x.npy")
    ahead = modules_after(command, "sum", path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    # on its own, the command brings the same
    (tmp_path / "sitecustomize.py").write_text("import arraymill.jobs.cli.main as main\nmain._IMPORTED_BY = {}\n")
    assert {name for name in ahead if name.startswith("arraymill.")} == {
        name for name in modules_after(command, "sum", path) if name.startswith("arraymill.")
    }

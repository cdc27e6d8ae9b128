"""The command line in processes of its own: run to the end and audited, or started and watched."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ARRAYMILL = (str(Path(sys.executable).with_name("arraymill")),)
TIMEOUT_S = 120.0
_MARK = "RUN_OF_A_TEST"
_OWN_SETTINGS = ("ARRAYMILL_", "DASK_", "CUDA_", "PYTEST_", "FORCE_COLOR", "NO_COLOR")


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str

    def assert_refused(self, exit_code: int, *words: str) -> None:
        """Check that it failed with one block on stderr that has these words, and neither result nor traceback."""
        assert self.exit_code == exit_code, self
        assert self.out == ""
        assert self.err.count("error[") == 1, self.err
        assert "Traceback" not in self.err
        assert [word for word in words if word not in self.err] == [], self.err


@dataclass(slots=True)
class Started:
    """A command that runs, what it has said so far, and the processes that it made."""

    driver: subprocess.Popen[str]
    mark: str
    err: str = ""
    _reader: threading.Thread | None = None

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.driver.stderr is not None
        for line in self.driver.stderr:
            self.err += line

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds, while the command runs."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert self.driver.poll() is None, f"ended with {self.driver.returncode} before {what}: {self.err}"
            assert time.monotonic() < deadline, f"still waiting for {what}: {self.err}"
            time.sleep(0.005)

    def wait_for_blocks(self) -> None:
        """Wait until it has said that some of its blocks are done."""
        self.wait_for(lambda: " blocks (" in self.err, "its first blocks")

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes that are there now: the driver's own children, for theirs are helpers."""
        found = []
        with suppress(psutil.Error):
            for child in psutil.Process(self.driver.pid).children():
                with suppress(psutil.Error):
                    if any("spawn_main" in word for word in child.cmdline()):
                        found.append(child)
        return found

    def finish(self) -> Ended:
        """Wait until it ends and return what it left behind."""
        code = self.driver.wait(TIMEOUT_S)
        assert self._reader is not None
        self._reader.join(TIMEOUT_S)
        assert self.driver.stdout is not None
        return Ended(code, self.driver.stdout.read(), self.err)

    def left_behind(self) -> list[psutil.Process]:
        """Return every process that this command started and that has not ended, whoever its parent is now."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == self.mark
        except (psutil.Error, OSError):
            return False


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that commands run in, and that is looked over after each."""

    path: Path
    temporary: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Where the jobs of these commands live: beside the folder, not in it."""
        return self.path.parent / "home"

    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
        own = {"TMPDIR": str(self.temporary), "ARRAYMILL_HOME": str(self.home), _MARK: uuid.uuid4().hex}
        return inherited | own | self.settings

    def digests(self) -> dict[str, tuple[str, int]]:
        """Return the contents and the time of change of every file."""
        files = [path for path in sorted(self.path.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.path)): (digest(path), path.stat().st_mtime_ns) for path in files}

    def left_in_temporary(self) -> set[str]:
        """Return what lies in the temporary folder, but for what a driver that is killed cannot help leaving there.

        OpenSSL reads keys from files alone, so Dask writes those of a cluster there for a moment.
        """
        return {path.name for path in self.temporary.iterdir() if not _holds_keys_alone(path)}

    def run(self, *args: str | Path, changes: Sequence[str] = (), through: Sequence[str] = ARRAYMILL) -> Ended:
        """Run a command to its end; check that it changed no file but `changes` and left no other new one behind."""
        before = self.digests()
        command = [*through, *map(str, args)]
        done = subprocess.run(
            command, cwd=self.path, env=self.environment(), capture_output=True, text=True, timeout=TIMEOUT_S
        )
        after = self.digests()
        assert {name for name in before | after if before.get(name) != after.get(name)} == set(changes), done
        assert self.left_in_temporary() == set(), done
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def start(self, *args: str | Path, through: Sequence[str] = ARRAYMILL) -> Iterator[Started]:
        """Start a command; whatever is left of it is killed at the end."""
        environment = self.environment()
        driver = subprocess.Popen(
            [*through, *map(str, args)],
            cwd=self.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started = Started(driver, environment[_MARK])
        try:
            yield started
        finally:
            for process in started.left_behind():
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
            driver.wait(TIMEOUT_S)
            for pipe in (driver.stdout, driver.stderr):
                assert pipe is not None
                pipe.close()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.02)


def _holds_keys_alone(path: Path) -> bool:
    is_unnamed = path.name.startswith("tmp") and path.is_dir()
    return is_unnamed and {file.name for file in path.iterdir()} <= {"dask.crt", "dask.pem"}

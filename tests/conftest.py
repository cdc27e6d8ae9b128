"""What every test stands on: the same examples each time, tracebacks of crashed children, the reason of a GPU skip."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import fault_tally
import pytest
from hypothesis import HealthCheck, settings

# The same examples every time in `make test`, so that a red run can be run again; `make soak` draws new ones.
# How long an example takes says how busy the machine is: it never fails a test.
settings.register_profile(
    "tests", deadline=None, derandomize=True, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "soak", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))

# pytest enables faulthandler in its own process only; workers and commands started by tests inherit it from here.
os.environ.setdefault("PYTHONFAULTHANDLER", "1")


def why_no_gpu() -> str | None:
    """Return why GPU tests cannot run here, or None. Asks NVML, which leaves CUDA asleep."""
    from arraymill.cluster.nvml import NvmlUnavailable, list_gpus  # here, so that a fault in it fails GPU tests alone

    try:
        return None if list_gpus() else "needs an NVIDIA GPU, and NVML lists none"
    except NvmlUnavailable as error:
        return f"needs an NVIDIA GPU: {error}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    reason = why_no_gpu() if gpu_items else None
    if reason:
        for item in gpu_items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="session")
def commands_can_be_interrupted() -> Iterator[None]:
    """Let commands start with SIGINT as a terminal leaves it: shells ignore it in what they run in the background."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def home_of_jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the jobs of the tests away from those of the user."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARRAYMILL_HOME", str(home))
        yield home


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults were injected, and what became of the jobs."""
    terminalreporter.write_line(fault_tally.summary())

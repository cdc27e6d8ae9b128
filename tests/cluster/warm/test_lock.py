from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arraymill.cluster.errors import ClusterBusyError
from arraymill.cluster.warm.lock import hold_home, holder_of

CODE = """
import sys
from pathlib import Path
from arraymill.cluster.warm.lock import hold_home
with hold_home(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home_file(tmp_path: Path) -> Path:
    return tmp_path / "cluster.json"


@pytest.fixture
def holder(home_file: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(home_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_nobody_holds_what_is_not_there(home_file: Path) -> None:
    assert holder_of(home_file) is None
    assert not home_file.parent.joinpath("cluster.json.lock").exists()


def test_the_holder_is_known(home_file: Path, holder: subprocess.Popen[str]) -> None:
    assert [holder_of(home_file) for _ in range(2)] == [holder.pid] * 2
    assert stat.S_IMODE(home_file.with_name("cluster.json.lock").stat().st_mode) == 0o600


def test_a_second_holder_is_refused(home_file: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(ClusterBusyError, match=f"pid {holder.pid}"), hold_home(home_file):
        pass
    assert holder_of(home_file) == holder.pid


def test_a_killed_holder_holds_no_more(home_file: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    assert holder_of(home_file) is None
    with hold_home(home_file):
        pass


def test_an_error_of_who_holds_it_comes_out(home_file: Path) -> None:
    with pytest.raises(BlockingIOError, match="of the block"), hold_home(home_file):
        raise BlockingIOError("of the block")

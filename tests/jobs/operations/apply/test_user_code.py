"""Code of the user, found and carried: what arrives in a process that cannot import it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from arraymill.jobs.errors import SpecError, UserCodeError
from arraymill.jobs.operations.apply.user_code import (
    InstalledCode,
    PickledCode,
    SourceCode,
    absolute_code,
    code_digest,
    find_code,
)

SOURCE = """
from dataclasses import dataclass

import beside


@dataclass
class Scale:
    by: int

    def __call__(self, x):
        return x * self.by + beside.ONE


def scaled(x):
    return Scale(3)(x)
"""
ELSEWHERE = "import pickle, sys; print(pickle.load(sys.stdin.buffer).load()(2))"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE)
    (tmp_path / "beside.py").write_text("ONE = 1\n")
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "__init__.py").write_text("")
    (tmp_path / "kit" / "parts.py").write_text("def five():\n    return 5\n")
    (tmp_path / "kit" / "whole.py").write_text("from .parts import five\n\n\ndef more(x):\n    return x + five()\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call_elsewhere(code: object, cwd: Path) -> str:
    """Call the code of 2 in a process of another folder."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=pickle.dumps(code), capture_output=True, cwd=cwd, check=True
    )
    return done.stdout.decode().strip()


def test_the_text_of_a_file_travels(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    code = find_code("mine.py:scaled")
    assert isinstance(code, SourceCode)
    (folder / "mine.py").unlink()
    assert call_elsewhere(code, tmp_path_factory.mktemp("elsewhere")) == "7"


def test_a_package_of_this_folder_travels_by_value(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    code = find_code("kit.whole:more")
    assert isinstance(code, PickledCode)
    assert call_elsewhere(code, tmp_path_factory.mktemp("elsewhere")) == "7"


def test_what_is_installed_travels_by_name() -> None:
    assert find_code("json.decoder:JSONDecoder.decode") == InstalledCode("json.decoder", "JSONDecoder.decode")


def test_a_file_is_run_once_per_process_and_again_when_it_changed(folder: Path) -> None:
    (folder / "count.py").write_text("import beside\nbeside.ONE += 1\ndef one(): return beside.ONE\n")
    first = find_code("count.py:one")
    before = first.load()()
    assert first.load()() == pickle.loads(pickle.dumps(first)).load()() == before
    (folder / "count.py").write_text((folder / "count.py").read_text() + "# again\n")
    assert find_code("count.py:one").load()() == before + 1


def test_a_digest_is_of_the_file_and_of_the_name_and_runs_nothing(folder: Path) -> None:
    (folder / "mine.py").write_text("raise SystemExit\n")
    digests = {code_digest(name) for name in ("mine.py:a", "mine.py:b", "mine:a", "kit.parts:five", "math:hypot")}
    # by the file or by the module, it is the same file
    assert len(digests) == 4
    before = code_digest("mine.py:a")
    (folder / "mine.py").write_text("raise SystemExit()\n")
    assert code_digest("mine.py:a") != before


def test_names_are_made_absolute_where_they_are_files(folder: Path) -> None:
    assert absolute_code("mine.py:a") == f"{folder}/mine.py:a"
    assert absolute_code("kit.whole:more") == "kit.whole:more"


def test_what_a_file_raises_is_the_users(folder: Path) -> None:
    (folder / "bad.py").write_text("x = 1\ny = x / 0\n")
    with pytest.raises(UserCodeError, match=r"bad\.py cannot be loaded: ZeroDivisionError") as caught:
        find_code("bad.py:f")
    assert "line 2" in caught.value.cause
    (folder / "bad.py").write_text("def f(:\n")
    with pytest.raises(UserCodeError, match="SyntaxError"):
        find_code("bad.py:f")
    with pytest.raises(SpecError, match=r"it has .*scaled"):
        find_code("mine.py:other")

"""Tests of jobs/operations/apply/user_modules.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.apply.user_modules import find_module, is_installed, looking_in


def test_modules_are_found_without_being_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud" / "__init__.py").write_text("raise SystemExit")
    (tmp_path / "loud" / "part.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    found = find_module("loud.part")
    assert found.origin == str(tmp_path / "loud" / "part.py")
    assert not is_installed(found)
    for name in ("loud.none", "none", "loud.part.deeper", "not-a-name", ""):
        with pytest.raises(SpecError, match="there is no module"):
            find_module(name)


@pytest.mark.parametrize("name", ["numpy.linalg", "json", "math", "sys", "torch"])
def test_what_workers_have_is_installed(name: str) -> None:
    assert is_installed(find_module(name))


def test_a_folder_is_looked_in_first_and_then_no_more(tmp_path: Path) -> None:
    with looking_in(str(tmp_path)):
        assert sys.path[0] == str(tmp_path)
    assert str(tmp_path) not in sys.path

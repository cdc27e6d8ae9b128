from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from arraymill.jobs.dask_files import (
    check_file,
    dask_files,
    dask_folders,
    leaves,
    mentions_settings,
    settings_in,
    user_file,
)
from arraymill.jobs.errors import SpecError


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DASK_CONFIG": "/somewhere/else"},
        {"DASK_CONFIG": "/etc/dask"},
        {"DASK_ROOT_CONFIG": "/opt/dask", "DASK_CONFIG": "/one/file.yaml"},
        {"HOME": "/home/of/another"},
    ],
)
def test_folders_are_those_of_dask(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    from dask.config import _get_paths

    for name in ("DASK_CONFIG", "DASK_ROOT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert list(map(os.path.normpath, dask_folders())) == list(map(os.path.normpath, _get_paths()))
    assert str(Path(sys.prefix) / "etc" / "dask") in dask_folders()


def test_files_are_those_of_dask_in_its_order(tmp_path: Path) -> None:
    from dask.config import collect_yaml

    names = ["b.yaml", "a.YML", "c.json", "arraymill.yaml", "d.txt", "e"]
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        for name in names:
            (folder / name).write_text("x: 1\n")
    places = [str(tmp_path / "two"), str(tmp_path / "one"), str(tmp_path / "none"), str(tmp_path / "one" / "d.txt")]
    assert list(dask_files(places)) == [path for path, _ in collect_yaml(places, return_paths=True)]


def test_names_with_dashes_are_those_with_underscores() -> None:
    tree = {"fault": {"on-error": "skip", "timeout_s": {"a-b": 1}}, "memory": None}
    assert list(leaves(tree)) == [
        (("fault", "on_error"), "skip"),
        (("fault", "timeout_s"), {"a-b": 1}),
        (("memory",), None),
    ]


def test_settings_have_the_lines_on_which_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text("other: {x: yes}\narraymill:\n  compute: &c\n    precision: fast\n  fault: {on-error: skip}\n")
    assert settings_in(file) == {
        ("compute", "precision"): ("fast", f"dask config: {file}, line 4"),
        ("fault", "on_error"): ("skip", f"dask config: {file}, line 5"),
    }


@pytest.mark.parametrize(
    "text",
    ["", "# arraymill\n", "- arraymill\n", "arraymill: [\n", "x: {arraymill: {compute: 1}}\n", "arraymill: \x01"],
)
def test_what_holds_no_settings_has_no_places(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert settings_in(file) == {}


def test_a_section_that_holds_itself_ends(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("arraymill: &a {compute: *a}\n")
    assert list(settings_in(file)) == [("compute", "compute")]


@pytest.mark.parametrize(
    ("name", "text", "may"),
    [
        ("dask.yaml", "distributed: {}\n", False),
        ("dask.yaml", "arraymill: {}\n", True),
        ("arraymill.yaml", "compute: {}\n", True),
        ("dask.json", '{"arraymill": {}}', True),
    ],
)
def test_what_is_worth_asking_dask_for(tmp_path: Path, name: str, text: str, may: bool) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert mentions_settings(file) is may


def test_a_file_that_dask_takes_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    check_file(file)
    for text in ("", "# nothing\n", "x: &x {yes: no}\ny: *x\n"):
        file.write_text(text)
        check_file(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x:\n- [\n", "line 3: not YAML: "),
        (b"x: \xff\n", "not YAML: 'utf-8' codec can't decode"),
        (b"x: \x07\n", "not YAML: unacceptable character"),
        (b"- x\n", "it holds no mapping"),
    ],
)
def test_a_file_that_dask_refuses_is_named_before_dask_is_asked(tmp_path: Path, text: bytes, said: str) -> None:
    from dask.config import collect_yaml

    file = tmp_path / "x.yaml"
    file.write_bytes(text)
    with pytest.raises(SpecError) as caught:
        check_file(file)
    assert str(file) in caught.value.what
    assert said in caught.value.cause
    with pytest.raises(ValueError, match="malformed"):
        list(collect_yaml([str(file)]))


def test_what_dask_would_pass_over_is_said_of_our_own_file_alone(tmp_path: Path) -> None:
    for name in ("arraymill.yaml", "other.yaml"):
        (tmp_path / name).mkdir()
    assert not mentions_settings(tmp_path / "other.yaml")
    with pytest.raises(SpecError, match=r"arraymill\.yaml: cannot be read"):
        mentions_settings(tmp_path / "arraymill.yaml")


def test_settings_outside_of_the_section_are_no_settings(tmp_path: Path) -> None:
    file = tmp_path / "arraymill.yaml"
    file.write_text("memory: {host: 1GB}\ncompute: {precision: fast}\n")
    with pytest.raises(SpecError, match="has no section arraymill") as caught:
        settings_in(file)
    assert "compute, memory" in caught.value.cause
    file.write_text("distributed: {}\n")
    assert settings_in(file) == {}


def test_a_user_without_a_home_has_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("DASK_CONFIG", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert dask_folders()[-1] == "~/.config/dask"
    assert str(user_file()) == "~/.config/dask/arraymill.yaml"


def test_the_file_of_a_user_is_where_dask_looks_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path))
    assert user_file() == tmp_path / "arraymill.yaml"
    (tmp_path / "one.yaml").touch()
    monkeypatch.setenv("DASK_CONFIG", str(tmp_path / "one.yaml"))
    assert user_file() == tmp_path / "one.yaml"
    monkeypatch.delenv("DASK_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_file() == tmp_path / ".config" / "dask" / "arraymill.yaml"
    assert str(user_file().parent) in dask_folders()

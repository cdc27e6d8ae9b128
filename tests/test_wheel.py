"""What a user installs: arraymill/ and nothing else, with every file in it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from source_tree import PACKAGES, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built without network from a copy: a stale build/ of the checkout would put old files into it."""
    copy = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", ".", "."]
    built = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=240, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return zipfile.ZipFile(next(copy.glob("*.whl")))


def test_only_the_namespace_is_installed(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"arraymill"}


def test_the_namespace_has_no_file_of_its_own(wheel: zipfile.ZipFile) -> None:
    assert [name for name in wheel.namelist() if name.startswith("arraymill/") and name.count("/") == 1] == []


def test_every_source_file_is_in_it(wheel: zipfile.ZipFile) -> None:
    expected = {
        "arraymill/" + path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".yaml", ".html"} or path.name == "py.typed"
    }
    assert {name for name in wheel.namelist() if name.startswith("arraymill/")} == expected


def test_the_command_and_the_dask_plugin_are_registered(wheel: zipfile.ZipFile) -> None:
    entry_points = configparser.ConfigParser()
    entry_points.read_string(_dist_info(wheel, "entry_points.txt"))
    assert {section: dict(entry_points[section]) for section in entry_points.sections()} == {
        "console_scripts": {"arraymill": "arraymill.jobs.cli.main:main"},
        "dask_cli": {"arraymill": "arraymill.jobs.cli.main:arraymill"},
    }


def test_the_licence_comes_along(wheel: zipfile.ZipFile) -> None:
    assert _dist_info(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_floors_are_not_caps(wheel: zipfile.ZipFile) -> None:
    required = [line for line in _dist_info(wheel, "METADATA").splitlines() if line.startswith("Requires-Dist:")]
    assert [line for line in required if "<" in line or "==" in line.split(";")[0]] == []


def _dist_info(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not Path(folder, "__init__.py").is_file()] == []

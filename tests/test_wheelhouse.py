"""`.ci/wheelhouse.py`: what the other machine has is left out, and pip is asked as if it were there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from source_tree import ROOT


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheelhouse", ROOT / ".ci" / "wheelhouse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "WHEELHOUSE", tmp_path)
    return module


def test_what_the_other_machine_has_is_left_out(wheelhouse: ModuleType, tmp_path: Path) -> None:
    for name in ("numpy-2.5.2-cp312-cp312-any.whl", "scikit_learn-1.9.1-cp312-any.whl", "zarr-3.4.2-py3-none-any.whl"):
        (tmp_path / name).touch()
    assert wheelhouse.drop(["torch", "numpy", "scikit-learn"]) == {"scikit-learn": "1.9.1"}
    assert [wheel.name for wheel in tmp_path.iterdir()] == ["zarr-3.4.2-py3-none-any.whl"]


def test_what_is_not_needed_is_said(wheelhouse: ModuleType) -> None:
    with pytest.raises(SystemExit, match="cupy is not needed"):
        wheelhouse.drop(["cupy"])


def test_pip_takes_a_stand_in_for_the_real_one(wheelhouse: ModuleType, tmp_path: Path) -> None:
    wheelhouse.write_stand_in(tmp_path, "scikit-learn", "1.9.1")
    command = [sys.executable, "-m", "pip", "--isolated", "download", "--quiet", "--no-index", "--find-links", tmp_path]
    ran = subprocess.run([*command, "--dest", tmp_path / "to", "scikit-learn>=1.6"], capture_output=True, timeout=120)
    assert (ran.returncode, len(list((tmp_path / "to").iterdir()))) == (0, 1), ran.stderr

"""Tests of jobs/joining.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.api import run
from arraymill.jobs.arrays.joined.source import JoinedSource
from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.job import Job, open_job
from arraymill.jobs.spec.job_spec import JobSpec


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty files of one shape, their number in each element."""
    for number in range(20):
        np.save(tmp_path / f"{number}.npy", np.full((2, 3), number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def open_joined(op: str, inputs: Any, **params: Any) -> Job:
    return open_job(JobSpec(op=op, inputs=inputs, params=params))


NUMBERED = [f"{number}.npy" for number in range(20)]
NUMBERS = np.arange(20)
WHOLE = [np.full((2, 3), number) for number in NUMBERS]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("inputs", [("*.npy",), (NUMBERED,), NUMBERED, ("?.npy", "1?.npy")])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("op", ["stack", "concatenate"])
def test_many_files_are_joined_as_the_operation_says(inputs: Any, axis: int, op: str) -> None:
    assert np.array_equal(run(op, *inputs, axis=axis), getattr(np, op)(WHOLE, axis=axis))
    job = open_joined(op, list(inputs), axis=str(axis))
    assert (len(job.sources), job.operation.name) == (1, "concatenate")
    assert isinstance(job.sources[0], JoinedSource)
    assert len(job.sources[0].files) == 20


@pytest.mark.usefixtures("folder")
def test_few_files_are_inputs_by_themselves() -> None:
    job = open_joined("stack", NUMBERED[:3])
    assert (len(job.sources), job.operation.name) == (3, "stack")


@pytest.mark.usefixtures("folder")
def test_a_pattern_among_single_files() -> None:
    result = run("stack", "19.npy", "?.npy", axis=1)
    assert np.array_equal(result, np.stack([WHOLE[19], *WHOLE[:10]], axis=1))


@pytest.mark.usefixtures("folder")
def test_an_input_that_says_how_it_is_joined_is_one_input() -> None:
    entry = {"path": NUMBERED, "join": "stack", "axis": 0}
    assert run("stack", entry, entry).shape == (2, 20, 2, 3)
    assert run("concatenate", entry, axis=1).shape == (20, 2, 3)


@pytest.mark.usefixtures("folder")
def test_arrays_and_files_are_inputs_by_themselves() -> None:
    assert run("concatenate", np.ones((1, 3)), "0.npy").tolist() == [[1.0] * 3, [0] * 3, [0] * 3]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("axis", ["x", 7])
def test_a_wrong_axis_is_refused(axis: Any) -> None:
    with pytest.raises(SpecError, match="axis"):
        run("concatenate", "*.npy", axis=axis)


def test_compressed_files_follow_one_another(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.npz") for number in range(3)]
    for number, path in enumerate(paths):
        np.savez_compressed(path, x=np.arange(number * 40, number * 40 + 40).reshape(8, 5))
    expected = np.arange(120).reshape(24, 5)
    assert np.array_equal(run("concatenate", paths), expected)
    assert run("sum", paths, axis=0).tolist() == expected.sum(axis=0).tolist()
    with pytest.raises(InputUnsupportedError, match="front to back"):
        run("sum", {"path": paths, "axis": 1})
    for select, part in (("1::3", expected[1::3]), ("4:, ::-2", expected[4:, ::-2]), ("::5, -1", expected[::5, -1])):
        assert np.array_equal(run("convert", {"path": paths, "select": select}), part)
    for select in ("3", "::-1"):
        with pytest.raises(InputUnsupportedError, match="front to back"):
            run("sum", {"path": paths[0], "select": select})

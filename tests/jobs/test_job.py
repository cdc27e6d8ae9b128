"""Facts of jobs: where inputs come from, and which names they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.errors import InputError, SpecError
from arraymill.jobs.job import find_operation, open_job
from arraymill.jobs.spec.job_spec import JobSpec


@pytest.fixture
def path(tmp_path: Path) -> str:
    np.save(tmp_path / "x.npy", np.ones((3, 4), "f4"))
    return str(tmp_path / "x.npy")


def test_files_of_a_spec_are_opened_by_their_headers(path: str) -> None:
    job = open_job(JobSpec(op="sum", inputs=[path], params={"axis": 0}))  # type: ignore[arg-type]
    assert [(header.shape, header.dtype.str) for header in job.headers] == [((3, 4), "<f4")]
    assert job.params == {"axis": 0}


def test_arrays_stand_instead_of_files(path: str) -> None:
    x = np.ones(3)
    job = open_job(JobSpec(op="matmul"), (x, path))
    assert isinstance(job.sources[0], MemorySource)
    assert [header.name for header in job.headers] == ["a", path]


def test_an_operation_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="there is no operation 'summ'") as caught:
        find_operation(JobSpec(op="summ"))
    assert "sum" in caught.value.what.split("'summ'")[1]
    assert caught.value.next == "arraymill ops lists them"


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_job(JobSpec(op="sum", inputs=[str(tmp_path / "no.npy")]))  # type: ignore[arg-type]
    assert caught.value.exit_code == 3


def test_names_of_inputs_are_those_of_an_expression(path: str) -> None:
    inputs = {"speed": path, "mass": path}
    job = open_job(JobSpec(op="map", inputs=inputs, params={"expr": "speed * mass"}))  # type: ignore[arg-type]
    assert job.params["names"] == ("speed", "mass")


def test_a_list_of_inputs_has_no_names(path: str) -> None:
    job = open_job(JobSpec(op="map", inputs=[path], params={"expr": "x + 1"}))  # type: ignore[arg-type]
    assert "names" not in job.params

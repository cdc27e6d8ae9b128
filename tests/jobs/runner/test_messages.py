"""Facts of messages: what failed, where it is, what is safe, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import plan_arrays

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.engine import Work
from arraymill.jobs.runner.faults import Failure
from arraymill.jobs.runner.messages import Messages, describe_region

X = np.ones((100, 10))


def messages(name: str, arrays: list[Any], params: dict[str, Any], *, is_kept: bool = True) -> Messages:
    stage: Any = plan_arrays(name, arrays, params, block_bytes=800).stage
    sources = tuple(MemorySource(f"{letter}.npy", array) for letter, array in zip("xy", arrays, strict=False))
    return Messages(Work(stage, sources, None, "numpy"), "ab12", is_kept=is_kept)


@pytest.mark.parametrize(
    ("region", "shape", "words"),
    [
        (((0, 8), (0, 6)), (8, 6), "all of x"),
        ((), (), "all of x"),
        (((2, 4), (0, 6)), (8, 6), "rows 2:4 of x"),
        (((0, 8), (2, 3)), (8, 6), "columns 2:3 of x"),
        (((2, 4), (2, 3)), (8, 6), "[2:4, 2:3] of x"),
        (((0, 8), (2, 3), (0, 2)), (8, 6, 2), "[0:8, 2:3, 0:2] of x"),
    ],
)
def test_regions_in_words(region: Any, shape: Any, words: str) -> None:
    assert describe_region(region, shape, "x") == words


def test_a_block_of_a_fortran_file_is_named_in_the_files_own_axes() -> None:
    found = messages("sum", [np.asfortranarray(X)], {"axis": 0}).block_failed(3, [Failure("error", "no")], 9)
    assert found.what.endswith("failed once (columns 3:4 of x.npy)")


def test_a_tile_is_named_by_its_panels() -> None:
    found = messages("matmul", [X, X.T], {}).block_failed(0, [Failure("error", "no")], 9)
    assert "of x.npy and " in found.what
    assert "of y.npy)" in found.what


def test_deaths_alone_are_said() -> None:
    history = [Failure("death", "worker gpu1 (pid 4242) was killed by SIGKILL", n > 0) for n in range(4)]
    found = messages("sum", [X], {"axis": 1}).block_failed(3, history, 9)
    assert str(found) == (
        "block 3 of 10 failed 4 times (rows 30:40 of x.npy)\n"
        "  cause: worker gpu1 (pid 4242) was killed by SIGKILL while this block ran alone, 3 times\n"
        "  safe:  9 of 10 blocks are done and verified\n"
        "  next:  arraymill explain ab12 --block 3; then arraymill resume ab12"
    )


def test_a_job_that_is_not_kept_has_nothing_to_resume() -> None:
    found = messages("sum", [X], {"axis": 1}, is_kept=False)
    texts = [str(found.interrupted(3)), str(found.device_fault("ECC", 3)), str(found.cannot_fit(1, "killed", 3))]
    assert all("resume" not in text and "run the job again" in text for text in texts)


def test_one_death_is_a_worker() -> None:
    assert messages("sum", [X], {}).too_many_deaths(1, 0, "gone", 3).what.startswith("1 worker died")

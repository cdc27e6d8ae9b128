"""Programs: loaded once, given what they take, and believed only if they return rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from arraymill.jobs.errors import UserCodeError
from arraymill.jobs.operations.apply.program import OpenProgram, RowProgram, open_program
from arraymill.jobs.operations.apply.user_code import find_code

X = np.arange(12.0).reshape(6, 2)


def opened(call: Any, **settings: Any) -> OpenProgram:
    return OpenProgram("f", call, **({"takes_tensors": False, "device": "cpu"} | settings))


def test_it_is_loaded_once_per_process_and_device(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("class Slow:\n    def __call__(self, x): return x\n")
    programs = [RowProgram("slow", "d1", find_code(f"{tmp_path}/slow.py:Slow"), kwargs="{}") for _ in range(2)]
    assert open_program(programs[0], "cpu") is open_program(programs[1], "cpu")
    other = RowProgram("slow", "d2", programs[0].code)
    assert open_program(other, "cpu") is not open_program(programs[0], "cpu")


def test_what_is_given_and_what_comes_back_are_of_the_kind_that_is_wanted() -> None:
    seen: list[type] = []

    def spy(x: Any) -> Any:
        seen.append(type(x))
        return x

    for takes_tensors in (False, True):
        program = opened(spy, takes_tensors=takes_tensors)
        assert isinstance(program.run(X.copy(), where="rows")[""], np.ndarray)
        assert isinstance(program.run(torch.from_numpy(X.copy()), where="rows")[""], torch.Tensor)
    assert seen == [np.ndarray, np.ndarray, torch.Tensor, torch.Tensor]


def test_a_program_of_one_batch_size_gets_its_last_row_again() -> None:
    shapes: list[Any] = []

    def fixed(x: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(x.shape))
        return x.sum(1)

    got = opened(fixed, takes_tensors=True, n_rows=10).run(X.copy(), where="rows")[""]
    np.testing.assert_array_equal(got, X.sum(axis=1))
    assert shapes == [(10, 2)]


def test_rows_are_counted() -> None:
    with pytest.raises(UserCodeError, match=r"f on rows 0:6 returned an array of shape \(2,\) as b") as caught:
        opened(lambda x: {"a": x, "b": x.sum(axis=0)}).run(X, where="rows 0:6")
    assert caught.value.cause == "6 rows were given: as many are needed, in their order"

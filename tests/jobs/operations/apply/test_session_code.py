"""Functions that are handed over as objects: by value, in this process alone."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from user_models import small_model

from arraymill.jobs import run
from arraymill.jobs.errors import SpecError, UserCodeError
from arraymill.jobs.operations.apply import session_code as module
from arraymill.jobs.operations.apply.params import ApplyParams
from arraymill.jobs.operations.apply.session_code import name_callable, session_code

X = np.random.default_rng(0).normal(size=(30, 4))


def test_objects_are_called_as_functions_in_files_are() -> None:
    factor = 3.0
    np.testing.assert_array_equal(run("apply", X, function=lambda x: x * factor), X * 3)
    got = run("apply", X.astype("f4"), function=small_model(), batch_size=7)
    with torch.inference_mode():
        want = small_model()(torch.from_numpy(X).float()).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def test_an_object_has_one_name() -> None:
    def mine(x: Any) -> Any:
        return x

    assert name_callable(mine) == name_callable(mine) == ApplyParams(function=mine).function  # type: ignore[arg-type]
    assert name_callable(lambda x: x).startswith("<session>:function_")


def test_a_module_that_workers_lack_travels_along(monkeypatch: pytest.MonkeyPatch) -> None:
    beside = ModuleType("beside_this_test")
    exec("ONE = 1\ndef one(x): return x + ONE\n", vars(beside))
    monkeypatch.setitem(sys.modules, "beside_this_test", beside)
    code = session_code(name_callable(beside.one))
    monkeypatch.delitem(sys.modules, "beside_this_test")
    assert code.load()(1) == 2


def test_what_another_process_could_not_call_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be stored with a job"):
        ApplyParams.absolute({"function": lambda x: x})
    with pytest.raises(SpecError, match="a Python session that is over"):
        run("apply", X, function="<session>:f_0123456789abcdef")


def test_what_cannot_travel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = __import__("threading").Lock()
    with pytest.raises(UserCodeError, match="cannot be sent to workers"):
        name_callable(lambda x: (lock, x))
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    with pytest.raises(SpecError, match="too large to travel"):
        name_callable(lambda x: x + 1)

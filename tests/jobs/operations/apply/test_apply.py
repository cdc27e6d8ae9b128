"""Functions and models of the user, by every step of a job but processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from in_process_jobs import plan_arrays, run_arrays, run_chain
from numpy.typing import NDArray
from user_models import MODELS, save_program, save_script, small_model, write_functions

from arraymill.jobs.errors import (
    CannotFitError,
    InputChangedError,
    InputError,
    JobError,
    SpecError,
    UnsafeFileError,
    UserCodeError,
)
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.operations.apply.params import ApplyParams

X = np.random.default_rng(5).normal(size=(100, 4))
SINGLE = X.astype(np.float32)
BACKENDS = ("numpy", "torch-cpu", "fake")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_functions(tmp_path)
    (tmp_path / "nets.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def apply(x: NDArray[Any], *, backend: Any = "numpy", block_bytes: int | None = None, **params: Any) -> NDArray[Any]:
    return run_arrays("apply", [x], params, backend=backend, block_bytes=block_bytes)


def want_of(x: NDArray[np.float32]) -> NDArray[Any]:
    with torch.inference_mode():
        return small_model()(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("array", ["numpy", "torch"])
def test_batches_begin_at_multiples_whatever_the_blocks_are(backend: str, array: str) -> None:
    batches = [X[start : start + 8] for start in range(0, 100, 8)]
    want = np.concatenate([batch - batch.mean(axis=0) for batch in batches])
    for block_bytes in (None, 1, 1000):
        got = apply(X, function="mine.py:centred", batch_size=8, array=array, backend=backend, block_bytes=block_bytes)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_outputs_have_names_of_their_own(backend: str) -> None:
    two = run_chain("apply", [X], {"function": "mine.py:two", "batch_size": 7}, backend=backend, block_bytes=500)
    assert list(two) == ["out0", "out1"]
    np.testing.assert_array_equal(two["out0"], X.sum(axis=1))
    np.testing.assert_array_equal(two["out1"], X > 0)
    named = run_chain("apply", [X], {"function": "mine.py:named"}, backend=backend)
    assert {name: (value.dtype.str, value.shape) for name, value in named.items()} == {
        "total": ("<f4", (100,)),
        "turned": ("<c16", (100, 4)),
        "none": ("<f8", (100, 0)),
    }
    np.testing.assert_array_equal(named["turned"], X * 1j)


def test_several_tensors_travel_as_bytes() -> None:
    Path("mine.py").write_text("import torch\ndef f(x): return {'a': x.bool(), 'b': torch.complex(x, x), 'c': x[:, 0]}")
    made = run_chain("apply", [X], {"function": "mine.py:f", "array": "torch", "batch_size": 9}, backend="fake")
    np.testing.assert_array_equal(made["a"], X != 0)
    np.testing.assert_array_equal(made["b"], X + 1j * X)
    np.testing.assert_array_equal(made["c"], X[:, 0])


@pytest.mark.parametrize("backend", ["numpy", "fake"])
def test_models_of_every_kind_of_file(backend: str) -> None:
    from safetensors.torch import save_file

    save_file(small_model().state_dict(), "weights.safetensors")
    torch.save(small_model().state_dict(), "weights.pt")
    Path("seq.py").write_text(
        "import torch\nclass Net(torch.nn.Sequential):\n"
        "    def __init__(self): super().__init__(torch.nn.Linear(4, 3), torch.nn.ReLU())\n"
    )
    ways: list[dict[str, Any]] = [
        {"model": str(save_script(Path("script.pt")))},
        {"model": str(save_program(Path("any.pt2")))},
        {"model": str(save_program(Path("eight.pt2"), n_rows=8))},
        {"function": "seq.py:Net", "weights": "weights.safetensors"},
        {"function": "seq.py:Net", "weights": "weights.pt"},
    ]
    for way in ways:
        got = apply(SINGLE, backend=backend, block_bytes=200, **({"batch_size": 8} | way))
        np.testing.assert_allclose(got, want_of(SINGLE), rtol=1e-6, atol=1e-7, err_msg=str(way))


def test_a_class_is_made_once_and_a_module_is_in_inference_mode() -> None:
    got = apply(SINGLE, function="nets.py:Net", kwargs={"hidden": 5}, batch_size=10)
    # Dropout would leave zeros
    assert got.shape == (100, 5)
    assert (got != 0).all()
    np.testing.assert_array_equal(apply(X, function="nets.py:Plain"), X + 1)


def test_functions_get_arrays_of_their_own() -> None:
    x = X.copy()
    x.flags.writeable = False
    np.testing.assert_array_equal(apply(x, function="mine.py:scaled", kwargs='{"factor": 3}'), X * 3)
    np.testing.assert_array_equal(apply(np.asfortranarray(X), function="mine.py:double"), X * 2)
    np.testing.assert_array_equal(apply(X.astype(">f8")[::-1], function="mine.py:double"), X[::-1] * 2)


def test_bfloat16_comes_out_as_float32() -> None:
    got = apply(X, function="mine.py:brain", array="torch")
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, torch.from_numpy(X).bfloat16().float().numpy())


def test_dtypes_are_those_that_were_asked_for() -> None:
    got = apply(X, function="mine.py:double", input_dtype="float32", output_dtype="float64", output_shape=(4,))
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, SINGLE * np.float32(2))
    with pytest.raises(UserCodeError, match="returned float64") as caught:
        apply(X, function="mine.py:double", output_dtype="int32", output_shape=(4,))
    assert "--output-dtype" in caught.value.next


def test_an_error_names_rows_and_block_and_shows_the_lines_of_the_user() -> None:
    x = X.copy()
    x[17, 0] = 17
    with pytest.raises(UserCodeError) as caught:
        apply(x, function="mine.py:refuse_17", batch_size=4, block_bytes=8 * 32)
    assert caught.value.what == "mine.py:refuse_17 failed on rows 16:20 (block 2): ValueError: seventeen"
    assert 'in refuse_17\n    raise ValueError("seventeen")\nValueError: seventeen' in caught.value.cause
    assert "jobs/operations" not in caught.value.cause


def test_rows_that_are_lost_are_an_error() -> None:
    for name, words in {"whole": "what is not worked on", "one_less": r"shape \(99, 4\)"}.items():
        with pytest.raises(UserCodeError, match=words):
            apply(X, function=f"mine.py:{name}")


def test_no_rows_make_no_rows() -> None:
    assert apply(X[:0], function="mine.py:double").shape == (0, 4)
    assert apply(X[:0], function="mine.py:double").dtype == np.float64


REFUSED: list[tuple[dict[str, Any], type[JobError], str]] = [
    ({}, SpecError, "one of function and model"),
    ({"function": "mine.py:double", "model": "a.pt2"}, InputError, "a.pt2 cannot be read"),
    ({"function": "mine.py:triple"}, SpecError, "no triple in"),
    ({"function": "mine.py:VALUE"}, SpecError, "cannot be called"),
    ({"function": "yours.py:double"}, InputError, "yours.py cannot be read"),
    ({"function": "no_such_module:f"}, SpecError, "no module 'no_such_module'"),
    ({"function": "double"}, SpecError, "names no function"),
    ({"function": "mine.py:double", "kwargs": "[1]"}, SpecError, "a JSON object"),
    ({"function": "mine.py:double", "kwargs": "{"}, SpecError, "not JSON"),
    ({"function": "mine.py:double", "output_dtype": "f4"}, SpecError, "go together"),
    ({"function": "mine.py:double", "input_dtype": "quad"}, SpecError, "a dtype of NumPy"),
    ({"function": "mine.py:double", "weights": "weights.pt"}, SpecError, "is no class"),
    ({"function": "nets.py:Plain", "weights": "weights.pt"}, SpecError, "is no model"),
    ({"function": "nets.py:Net", "weights": "weights.pt"}, SpecError, "do not fit Net"),
    ({"function": "nets.py:Net", "kwargs": {"wide": 1}}, UserCodeError, "cannot be made"),
    ({"model": "eight.pt2", "batch_size": 4}, SpecError, "takes 8 rows at a time, not 4"),
    ({"model": "pickle.pt"}, UnsafeFileError, "pickled checkpoint"),
    ({"function": "nets.py:Net", "weights": "pickle.pt"}, UnsafeFileError, "more than weights"),
    ({"model": "mine.py"}, SpecError, "no model that can be run"),
    ({"function": "mine.py:double", "digest": "00"}, InputChangedError, "not 00"),
]


def test_what_cannot_work_is_refused_before_it_starts() -> None:
    torch.save(small_model(), "pickle.pt")
    torch.save(small_model().state_dict(), "weights.pt")
    save_program(Path("eight.pt2"), n_rows=8)
    for params, kind, words in REFUSED:
        with pytest.raises(kind, match=words):
            plan_arrays("apply", [SINGLE], params)
    with pytest.raises(SpecError, match="no rows"):
        plan_arrays("apply", [np.float32(3)], {"function": "mine.py:double"})
    with pytest.raises(CannotFitError, match="a batch of 1000 rows"):
        plan_arrays(
            "apply",
            [np.ones((1000, 10_000))],
            {"function": "mine.py:double", "batch_size": 1000},
            budget=Budget(1 << 27),
        )


def test_the_digest_is_recorded_and_follows_the_content() -> None:
    before = ApplyParams(function="mine.py:double")
    assert before.digest == ApplyParams(function="mine.py:double").digest
    assert plan_arrays("apply", [X], {"function": "mine.py:double"}).params["digest"] == before.digest
    Path("mine.py").write_text(Path("mine.py").read_text() + "\n# again\n")
    assert ApplyParams(function="mine.py:double").digest != before.digest


def test_a_function_of_numpy_is_planned_without_torch() -> None:
    code = (
        "import sys, numpy as np; from arraymill.jobs.headers import ArrayHeader; "
        "from arraymill.jobs.limits import Limits; from arraymill.jobs.operations.apply.apply import APPLY; "
        "APPLY.chain([ArrayHeader('x', (9, 4), np.dtype('f4'))], APPLY.params(function='mine.py:two'), Limits()); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_blocks_are_whole_batches_and_end_within_minutes() -> None:
    x = np.broadcast_to(np.float32(0), (10**7, 4))
    for backend, array, device in (("numpy", "numpy", "cpu"), ("fake", "torch", "cuda"), ("fake", "numpy", "cpu")):
        plan = plan_arrays("apply", [x], {"function": "mine.py:double", "array": array}, backend=backend)
        stage, most = plan.steps[0].plan.stage, {"cpu": 128, "cuda": 1024}[device]
        assert stage.grid.chunks[0] == most * 1024
        assert stage.pieces[0] % 1024 == 0
        assert stage.on_host == (array == "numpy")


def test_its_oracle_is_a_loop_over_batches() -> None:
    params = ApplyParams(function="mine.py:two", batch_size=8)
    out0, out1 = OPERATIONS["apply"].oracle([X], params)
    np.testing.assert_array_equal(out0, X.sum(axis=1))
    np.testing.assert_array_equal(out1, X > 0)

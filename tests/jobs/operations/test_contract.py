"""The contract that every operation passes: NumPy's shape, dtype, values and refusals, however the array is cut."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, run_arrays
from numpy.typing import NDArray
from operation_contract import REDUCTIONS, ROUNDED, Case, cases, check_within, computed_in, reduction_bound

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import InputUnsupportedError, SpecError
from arraymill.jobs.operations import OPERATIONS

BACKENDS: tuple[BackendKind, ...] = ("numpy", "torch-cpu")


def ask(name: str, arrays: list[NDArray[Any]], params: dict[str, Any]) -> NDArray[Any] | Exception:
    """Return NumPy's answer, or its refusal."""
    operation = OPERATIONS[name]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            return np.asarray(operation.oracle(arrays, operation.params(**params)))
        except (ValueError, TypeError, IndexError) as error:
            return error


def is_refused_on_cuda(name: str, dtype: np.dtype[Any]) -> bool:
    """Tell whether the table of dtypes refuses an operation on CUDA: orders that torch does not have."""
    return OPERATIONS[name].params.__name__ in ("ExtremumParams", "ArgParams") and dtype.kind + str(dtype.itemsize) in (
        "u8",
        "c8",
        "c16",
    )


def is_matrix_norm(name: str, x: NDArray[Any], params: dict[str, Any]) -> bool:
    """Tell whether a norm is one of matrices that needs singular values or whole columns: refused by design."""
    n_axes = x.ndim if params["axis"] is None else len(np.atleast_1d(params["axis"]))
    return name == "norm" and n_axes == 2 and params["ord"] not in (None, "fro")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.data())
def test_a_reduction_is_numpys(name: str, backend: BackendKind, data: st.DataObject) -> None:
    case = data.draw(cases(name))
    native = case.array.astype(case.array.dtype.newbyteorder("="))
    expected = ask(name, [native], case.params)
    is_unsupported = backend == "torch-cpu" and is_refused_on_cuda(name, native.dtype)
    if is_unsupported or isinstance(expected, Exception) or is_matrix_norm(name, native, case.params):
        kind = InputUnsupportedError if is_unsupported else SpecError
        with pytest.raises((kind, SpecError)) as caught:
            compute(name, case, backend)
        assert caught.value.exit_code == (3 if is_unsupported else 2)
        return
    before = case.array.tobytes()
    result = compute(name, case, backend)
    assert case.array.tobytes() == before
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if name in ROUNDED and result.dtype.kind in "fc":
        check_rounded(name, native, case.params, result)
    else:
        np.testing.assert_array_equal(result, expected)


def compute(name: str, case: Case, backend: BackendKind) -> NDArray[Any]:
    session = ShuffledSession(seed=1, n_workers=2)
    return run_arrays(name, [case.array], case.params, backend=backend, block_bytes=case.block_bytes, session=session)


def check_rounded(name: str, x: NDArray[Any], params: dict[str, Any], result: NDArray[Any]) -> None:
    wide = {key: value for key, value in params.items() if key != "dtype"}
    want = ask(name, [computed_in(x, params.get("dtype"))], wide)
    assert not isinstance(want, Exception)
    with np.errstate(all="ignore"):
        bound = reduction_bound(name, x, params, want)
        if name.endswith("prod"):
            # NumPy's own product of finite numbers was too large on the way, and of complex ones then is NaN
            present = np.isfinite(x) | (np.isnan(x) if name == "nanprod" else False)
            lost = ~np.isfinite(want) & np.all(present, axis=params["axis"], keepdims=params["keepdims"])
            assert not np.isnan(result[lost]).any()
            result, want, bound = result[~lost], want[~lost], bound[~lost]
        check_within(result, want, bound)

"""Every operation: what it makes is within the bounds, and one flipped bit of what was looked at is not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from operation_cases import CASES, case_of
from verified_arrays import check, outputs_of, problem_of, spoiled

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.verification import check_problem

NAMES = [name for name in OPERATIONS if name != "apply"]
RNG = np.random.default_rng(11)
SMALL = RNG.standard_normal((30, 7)).astype("f4")
WORDS = RNG.integers(0, 20, 90).astype("u1")
FEW: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("matmul", "cdist", "knn"), (SMALL, SMALL[:9])),
    "map": (SMALL, SMALL[:1]),
    "tensordot": (SMALL, SMALL[:9].T),
    "einsum": (SMALL, SMALL[:9]),
    "concatenate": (SMALL, SMALL[:9]),
    "stack": (SMALL, SMALL),
    "lstsq": (SMALL, SMALL[:, 0] + SMALL[::-1, 1]),
    "bincount": (WORDS,),
    **dict.fromkeys(("full", "arange", "zeros", "ones", "rand", "randn"), ()),
}


def small_case(name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return inputs so small that every element of the outputs is looked at."""
    shapes = {"reshape": {"shape": (15, 14)}, "rechunk": {"chunks": (10, -1)}}
    return FEW.get(name, (SMALL,)), shapes.get(name) or case_of(name)[1]


def test_the_cases_are_those_of_the_operations() -> None:
    assert set(CASES) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_operation_makes_is_within_the_bounds(name: str) -> None:
    arrays, params = case_of(name)
    findings = check(name, arrays, params, outputs_of(name, arrays, params))
    assert findings
    assert [finding for finding in findings if not finding.is_within_bound or finding.says_nothing] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_bit_of_what_is_looked_at_is_found(name: str) -> None:
    arrays, params = small_case(name)
    made = outputs_of(name, arrays, params)
    for output, array in made.items():
        index = tuple(n // 2 for n in array.shape)
        wrong = {**made, output: spoiled(array, index)}
        findings = check(name, arrays, params, wrong, n_samples=50)
        found = [finding for finding in findings if not finding.is_within_bound]
        assert found, (output, index)
        places = [finding.worst.index for finding in found if finding.output == (output or "out") and finding.worst]
        # of a factor the norm of all of it is off, which says of no element that it is the one
        assert not places or index in places or () in places, (output, index, places)


@pytest.mark.parametrize("code", ["?", "i1", "u8", "i8", "f2", "f8", "c8"])
@pytest.mark.parametrize("name", ["sum", "prod", "var", "max", "argmin", "matmul", "gram", "cov", "cumsum", "fft"])
def test_other_dtypes(name: str, code: str) -> None:
    raw = np.random.default_rng(5).integers(0, 2 if code == "?" else 100, (40, 9))
    x = raw.astype(code) + (1j * raw[::-1]).astype(code) if code == "c8" else raw.astype(code)
    arrays = (x, x.T.copy()) if name == "matmul" else (x,)
    findings = check(name, arrays, {}, outputs_of(name, arrays, {}))
    assert all(finding.is_within_bound and finding.n_checked for finding in findings)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["sum", "nanmean", "std", "nanmax", "norm", "all"])
def test_axes_orders_and_nan(name: str, order: Any, axis: Any) -> None:
    x = np.asarray(np.random.default_rng(6).standard_normal((6, 5, 4)), order=order).astype("f4", order=order)
    x[1, 2, 3] = math.nan
    params = {"axis": axis, "keepdims": axis == 1}
    findings = check(name, (x,), params, outputs_of(name, (x,), params))
    assert all(finding.is_within_bound for finding in findings)
    assert sum(finding.n_checked for finding in findings) == findings[0].n_elements


def test_nan_where_numpy_has_a_number_is_wrong() -> None:
    (finding,) = check("sum", (SMALL,), {"axis": 0}, {"": spoiled_by(np.nan)})
    assert (finding.is_within_bound, finding.worst.index) == (False, (3,))


@pytest.mark.parametrize("name", ["qr", "svd", "lstsq", "matmul"])
def test_where_nan_leaves_nothing_to_judge_nothing_is_said_to_be_right(name: str) -> None:
    x = np.full((20, 3), np.nan)
    arrays = {"lstsq": (x, x[:, 0]), "matmul": (x, x.T)}.get(name, (x,))
    headers = problem_of(name, arrays, {}, {}).headers
    made = {
        output: np.full(header.shape, 0 if header.dtype.kind == "i" else np.nan, header.dtype)
        for output, header in headers.items()
    }
    if name == "matmul":
        # of a product it is known that it is NaN
        assert all(finding.is_within_bound for finding in check(name, arrays, {}, made))
        return
    with pytest.raises(SpecError, match="not one element could be judged"):
        check(name, arrays, {}, made)


def spoiled_by(value: float) -> np.ndarray[Any, Any]:
    made = outputs_of("sum", (SMALL,), {"axis": 0})[""].copy()
    made[3] = value
    return made


def test_a_function_of_the_users_own_is_refused() -> None:
    problem = problem_of("sum", (SMALL,), {}, {})
    with pytest.raises(SpecError, match="function of your own"):
        check_problem(type(problem)(OPERATIONS["apply"], None, (), {}, {}))


def test_what_does_not_fit_is_refused_and_says_what_can_be_checked() -> None:
    made = outputs_of("percentile", (SMALL,), {"q": 5})
    with pytest.raises(SpecError, match="cannot be checked at this size") as caught:
        check("percentile", (SMALL,), {"q": 5}, made, memory_bytes=1000)
    assert "reductions, products" in caught.value.next

"""einsum and tensordot: NumPy's shapes, dtypes and refusals, integers exact, floats within the bound of a product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_chain
from numpy.typing import NDArray
from operation_contract import LAYOUTS, U64, check_within, draw_values, lay_out

from arraymill.jobs.engine import BackendKind
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.operations.products.subscripts import parse_subscripts
from arraymill.jobs.plans.chain_plan import ChainPlan

LENGTHS = {"b": 2, "i": 30, "j": 4, "k": 7, "l": 3, "c": 1}
MATRICES = (
    *("ij,jk->ik", "ji,jk", "ij,kj->ki", "ijk,kl->ijl", "bij,bjk->bik", "bij,bkj->bik", "i,i"),
    "...ij,...jk->...ik",
)
"""What matmul takes as it is."""
WRITTEN = (
    *("ij,ij", "ij,ji->", "ijk,kjl->il", "ijk,jk->i", "bij,bjk->ibk", "bij,bj->bi", "jik,jk->ik", "ijk,lk->lij"),
    *("bijk,bjkl->bil", "ij,klj->ikl", "ijb,kjb->bik", "ijk,jkl->li", "i...,i...->...", "ci,ij->cj", "c,c->"),
)
ELEMENTS = ("ij,ij->ij", "ij,ji->ij", "i,j->ji", "ib,jb->bij", "i,", ",", "i,j", "...,i->...i")
SUMMED = ("ij,kl->", "ij,jk->k", "ij,jk->", "ijk,k->k", "ii,ij->j", "jij,kjk->ik")
SINGLE = ("ij->ji", "ij->", "ij->j", "ijk->ki", "i->i", "...j->...", "...->...", "ji", "ii->i", "ii", "iji->ji")
CODES = ("?", "i1", "i4", "i8", "u8", "f2", "f4", "f8", "c8")


def draw_operands(subscripts: str, codes: tuple[str, str], seed: int) -> list[NDArray[Any]]:
    terms = subscripts.split("->")[0].replace("...", "bl").split(",")
    shapes = [tuple(LENGTHS[label] for label in term) for term in terms]
    return [draw_values(shape, code, seed + n) for n, (shape, code) in enumerate(zip(shapes, codes, strict=False))]


def check_sum_of_products(got: NDArray[Any], arrays: list[NDArray[Any]], function: Any, want: NDArray[Any]) -> None:
    """Assert equality of integers, and of floats ``|c - c_exact| <= gamma_n (|a| . |b|)`` of n terms in any order."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    if got.dtype.kind in "biu":
        np.testing.assert_array_equal(got, want)
        return
    is_complex = got.dtype.kind == "c"
    wide = [x.astype(np.complex128 if is_complex else np.float64) for x in arrays]
    n = max(math.prod(x.shape) for x in arrays) + 3
    u = U64 if got.dtype.itemsize >= 8 * (1 + is_complex) else 2.0**-24
    # float16 is summed before the product in its own dtype, as NumPy does
    u = 2.0**-11 if got.dtype == np.float16 else u
    allowed = 2 * math.sqrt(2) * n * u / (1 - n * u) if n * u < 0.5 else math.inf
    check_within(got, function(*wide), allowed * function(*(np.abs(x) for x in wide)))


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=50)
@given(
    subscripts=st.sampled_from((*MATRICES, *WRITTEN, *ELEMENTS, *SUMMED, *SINGLE)),
    codes=st.sampled_from([(code, code) for code in CODES] + [("f4", "f8"), ("i2", "f4"), ("u1", "i1")]),
    layout=st.sampled_from(LAYOUTS),
    block_bytes=st.sampled_from((None, 2000)),
    seed=st.integers(0, 9),
)
def test_sums_of_products_are_numpys(
    backend: BackendKind, subscripts: str, codes: tuple[str, str], layout: str, block_bytes: int | None, seed: int
) -> None:
    arrays = draw_operands(subscripts, codes, seed)
    given_arrays = [lay_out(x, layout, "=") for x in arrays]
    where: dict[str, Any] = {"backend": backend, "block_bytes": block_bytes, "session": ShuffledSession(seed)}
    try:
        made = run_chain("einsum", given_arrays, {"subscripts": subscripts}, **where)
    except InputUnsupportedError:
        # no arithmetic for uint64 on CUDA, nor products that pass 2^53
        assert backend == "torch-cpu"
        assert codes[0] in ("u8", "i8", "i4")
        return
    except CannotFitError:
        assert block_bytes is not None
        return
    with np.errstate(all="ignore"):
        check_sum_of_products(
            made["result"], arrays, lambda *x: np.einsum(subscripts, *x), np.asarray(np.einsum(subscripts, *arrays))
        )


@pytest.mark.parametrize("subscripts", MATRICES)
def test_what_matmul_takes_is_not_written_anew(subscripts: str) -> None:
    plan = plan_arrays("einsum", draw_operands(subscripts, ("f4", "f4"), 1), {"subscripts": subscripts})
    assert isinstance(plan, ChainPlan)
    assert [step.operation.name for step in plan.steps] == ["matmul"]
    assert plan.notes == ()


def test_what_is_written_anew_is_said() -> None:
    arrays = draw_operands("ijk,kjl->il", ("f4", "f4"), 1)
    plan = plan_arrays("einsum", arrays, {"subscripts": "ijk,kjl->il"})
    assert set(plan.notes) == {
        "a is first written as 30 x 28",
        "b is first written with its axes in the order 1,0,2",
        "b is first written as 28 x 3",
    }


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->il", ((2, 3), (3, 4))),
        ("ij,jk->ii", ((2, 3), (3, 4))),
        ("ij,jk", ((2, 3), (4, 4))),
        ("ij", ((2, 3), (3, 4))),
        ("i,jk", ((2, 3), (3, 4))),
        ("i1,jk", ((2, 3), (3, 4))),
        ("...i,i->", ((2, 3), (3,))),
        ("i....,i", ((2, 3), (3,))),
        ("ii,i->i", ((3, 4), (3,))),
        ("i,i,i", ((3,), (3,), (3,))),
    ],
)
def test_what_does_not_fit_is_refused(subscripts: str, shapes: Any) -> None:
    with pytest.raises(SpecError) as caught:
        plan_arrays("einsum", [np.ones(shape) for shape in shapes], {"subscripts": subscripts})
    assert caught.value.next


def test_unnamed_axes_are_counted_from_the_last() -> None:
    assert parse_subscripts("...ij,...jk", [4, 3]) == (
        (("1", "0", "i", "j"), ("0", "j", "k")),
        ("1", "0", "i", "k"),
    )


REPEATED: tuple[Any, ...] = (
    *(("ij,ij->j", (10, 2), (1, 2)), ("i,i", (2,), (1,)), ("ii,ij->j", (1, 1), (3, 4)), ("i,i->i", (1,), (0,))),
    *(("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)), ("...,...->...", (1, 3), (4, 3)), ("i,i", (1,), (0,))),
    *(("ij...,jk...", (2, 3, 1), (3, 4, 5)), ("bij,bjk->ibk", (1, 3, 4), (5, 4, 2)), ("ij,jk->ik", (3, 1), (5, 2))),
)


@pytest.mark.parametrize("case", REPEATED, ids=str)
@pytest.mark.parametrize("code", ["i2", "f4"])
def test_axes_of_length_one_are_repeated(case: Any, code: str) -> None:
    subscripts, *shapes = case
    arrays = [draw_values(shape, code, 2 * n) for n, shape in enumerate(shapes)]
    for operands in (arrays, [x.astype(x.dtype.newbyteorder(">")) for x in arrays]):
        made = run_chain("einsum", operands, {"subscripts": subscripts})["result"]
        want = np.asarray(np.einsum(subscripts, *arrays))
        check_sum_of_products(made, arrays, lambda *x: np.einsum(subscripts, *x), want)


@pytest.mark.parametrize("seed", range(60))
def test_any_subscripts_are_numpys(seed: int) -> None:
    subscripts, arrays, block_bytes = draw_subscripts(np.random.default_rng(seed))
    made = run_chain("einsum", arrays, {"subscripts": subscripts}, block_bytes=block_bytes)["result"]
    want = np.asarray(np.einsum(subscripts, *arrays))
    check_sum_of_products(made, arrays, lambda *x: np.einsum(subscripts, *x), want)


def draw_subscripts(rng: np.random.Generator) -> tuple[str, list[NDArray[Any]], int | None]:
    """Draw one or two operands whose labels stand anywhere, twice, in both, in one, of any length, 0 and 1 included."""
    lengths = {label: int(rng.choice([0, 1, 2, 3, 7])) for label in "ijkl"}
    terms, arrays = [], []
    for _ in range(int(rng.integers(1, 3))):
        term = "".join(rng.choice(list("ijkl"), rng.integers(0, 5)))
        repeated = {label for label in term if rng.random() < 0.2}
        shape = tuple(1 if label in repeated else lengths[label] for label in term)
        unnamed = (1, 2, 3)[int(rng.integers(0, 4)) :]
        terms.append(term + "...")
        arrays.append(draw_values((*shape, *unnamed), str(rng.choice(["i8", "f4", "c16"])), int(rng.integers(9))))
    chosen = [label for label in "likj" if label in "".join(terms) and rng.random() < 0.5]
    arrow = "->" + "".join([*chosen[:1], "...", *chosen[1:]]) if rng.random() < 0.7 else ""
    return ",".join(terms) + arrow, arrays, (None, 4000)[int(rng.integers(2))]


TENSORS: tuple[Any, ...] = (
    *(((4, 5), (5, 6), 1), ((4, 5, 6), (5, 6, 2), 2), ((3, 4), (2,), 0), ((4, 5, 6), (6, 5, 2), ((2, 1), (0, 1)))),
    *(((4, 5, 6), (4, 6), ((0, -1), (0, 1))), ((5, 4), (6, 5), (0, 1)), ((3,), (3,), 1), ((), (), 0)),
    *(((0, 3), (3, 2), 1), ((40, 50), (50, 40), ((0, 1), (1, 0))), ((2, 3, 4), (4, 3, 2, 5), 1)),
)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=30)
@given(
    case=st.sampled_from(TENSORS),
    code=st.sampled_from(("?", "i4", "f4", "f8", "c8")),
    seed=st.integers(0, 9),
    layout=st.sampled_from(LAYOUTS),
)
def test_tensordot_is_numpys(backend: BackendKind, case: Any, code: str, layout: str, seed: int) -> None:
    shape_a, shape_b, axes = case
    if code == "i4":
        # small numbers, whose sums float64 holds
        seed = 2 * seed
    arrays = [draw_values(shape, code, seed) for shape in (shape_a, shape_b)]
    made = run_chain("tensordot", [lay_out(x, layout, "=") for x in arrays], {"axes": axes}, backend=backend)
    expected = np.asarray(np.tensordot(*arrays, axes=axes))
    check_sum_of_products(made["result"], arrays, lambda a, b: np.asarray(np.tensordot(a, b, axes=axes)), expected)


def test_tensordot_reads_a_command_line_and_refuses_what_numpy_refuses() -> None:
    a, b = np.ones((4, 5, 6)), np.ones((6, 5, 2))
    expected = np.tensordot(a, b, axes=([2, 1], [0, 1]))
    np.testing.assert_array_equal(run_chain("tensordot", [a, b], {"axes": "2,1:0,1"})["result"], expected)
    np.testing.assert_array_equal(run_chain("tensordot", [a, b], {"axes": "1"})["result"], np.tensordot(a, b, axes=1))
    for axes in (2, 4, -1, ((0,), (0,)), ((3,), (0,)), ((1, 1), (1, 1)), ((1,), (1, 0))):
        with pytest.raises((SpecError, ValueError)):
            plan_arrays("tensordot", [a, b], {"axes": axes})


@pytest.mark.parametrize("subscripts", ["ii->i", "ii->", "ijij->ij"])
def test_of_diagonals_only_the_blocks_on_them_are_read(subscripts: str) -> None:
    shape = (1500, 1500) if len(subscripts) < 6 else (30, 40, 30, 40)
    x = draw_values(shape, "f8", 1)
    expected = np.einsum(subscripts, x)
    made = run_chain("einsum", [x], {"subscripts": subscripts}, session=ShuffledSession(1))["result"]
    np.testing.assert_allclose(made, expected, rtol=1e-12)
    plan = plan_arrays("einsum", [x], {"subscripts": subscripts})
    assert isinstance(plan, ChainPlan)
    assert plan.steps[0].operation.name == "diagonal"
    if shape[0] == 1500:
        assert plan.steps[0].plan.read_bytes < x.nbytes / 4

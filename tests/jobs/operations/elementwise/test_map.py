"""Tests of jobs/operations/elementwise/map.py."""

import pickle

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from arraymill.jobs.blocks import as_slices
from arraymill.jobs.errors import CannotFitError, InputUnsupportedError, SpecError
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations.elementwise.map import MAP, MapParams
from arraymill.jobs.operations.operation import input_names
from arraymill.jobs.stages.shapes import ConstantStage

KB = 1 << 10
SHAPES = [((6, 5), (6, 5)), ((6, 5), (5,)), ((6, 5), (6, 1)), ((4, 6, 5), (6, 1)), ((6, 5), (1, 1)), ((30,), ())]
MALICIOUS = ["__import__('os').system('true')", "x.tofile('a')", "(" * 100_000, "9**9**9 * x", "x\0"]


def header(shape, code="f4", order="C", name="x.npy"):
    return ArrayHeader(name, shape, np.dtype(code), order)


def draft(expr, *headers, limits=None, **params):
    return MAP.build(headers, MapParams(expr=expr, **params), limits or Limits())


def run(made, arrays):
    """Run every block and piece of a draft in this process."""
    stage = made.stage
    if isinstance(stage, ConstantStage):
        return stage.value
    arrays = [array.T if stage.reverse else array for array in arrays]
    out = np.empty(stage.grid.shape, made.output.dtype)
    for region in stage.grid.regions():
        blocks = [a[as_slices(r)] for a, r in zip(arrays, stage.operand_regions(region), strict=True)]
        out[as_slices(region)] = stage.kernel.apply(np, blocks)
    return out.T if stage.reverse else out


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(3, 4)], (3, 4)),
        ([(3, 4), (4,)], (3, 4)),
        ([(3, 1), (1, 4)], (3, 4)),
        ([(), (3,)], (3,)),
        ([(0, 4), (4,)], (0, 4)),
        ([(1,), (0,)], (0,)),
    ],
)
def test_output_shape_is_numpys_broadcast(shapes, expected):
    made = draft(" + ".join(input_names(MAP, len(shapes))), *map(header, shapes))
    assert made.output.shape == expected
    assert run(made, [np.zeros(shape, "f4") for shape in shapes]).shape == expected


def test_shapes_that_do_not_broadcast_have_numpys_words():
    with pytest.raises(SpecError, match="shape mismatch") as caught:
        draft("x + y", header((3, 4)), header((3,), name="y.npy"))
    assert caught.value.cause == "x.npy (3, 4), y.npy (3,)"


@settings(max_examples=60, deadline=None)
@given(
    shapes=st.sampled_from(
        [((6, 5), (6, 5)), ((6, 5), (5,)), ((6, 5), (6, 1)), ((4, 6, 5), (6, 1)), ((6, 5), (1, 1)), ((30,), ())]
    ),
    orders=st.tuples(st.sampled_from("CF"), st.sampled_from("CF")),
    codes=st.tuples(st.sampled_from(["f4", "i2", "u1"]), st.sampled_from(["f4", "f8", "?"])),
    host_bytes=st.sampled_from([256, 4 * KB, 256 << 20]),
)
def test_every_layout_is_numpys_answer(shapes, orders, codes, host_bytes):
    rng = np.random.default_rng(0)
    arrays = [
        np.asarray((rng.random(shape) * 9).astype(code), order=order)
        for shape, code, order in zip(shapes, codes, orders, strict=True)
    ]
    headers = [
        header(a.shape, a.dtype, "F" if a.flags.f_contiguous and not a.flags.c_contiguous else "C") for a in arrays
    ]
    params = MapParams(expr="(x - 3) * y + x")
    made = MAP.build(headers, params, Limits(task_host_bytes=host_bytes))
    expected = MAP.oracle(arrays, params)
    result = run(made, arrays)
    assert (made.output.shape, made.output.dtype) == (expected.shape, expected.dtype)
    assert result.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("headers", "order"),
    [
        ([((3, 4), "F")], "F"),
        ([((3, 4), "F"), ((3, 4), "F")], "F"),
        ([((3, 4), "F"), ((3, 4), "C")], "C"),
        ([((3, 4), "F"), ((3, 1), "C")], "F"),
        ([((3, 4), "F"), ((), "C")], "F"),
        ([((3, 4), "F"), ((4,), "C")], "C"),
        ([((3, 1), "F"), ((1, 4), "F")], "C"),
    ],
)
def test_order_is_fortran_only_if_every_full_input_is(headers, order):
    names = input_names(MAP, len(headers))
    made = draft(" + ".join(names), *(header(shape, order=o) for shape, o in headers))
    assert made.output.order == order
    assert made.stage.reverse == (order == "F")


def test_the_grid_does_not_depend_on_the_memory_limit():
    x = header((100_000, 1000))
    small, large = (draft("x + 1", x, limits=Limits(task_host_bytes=b)).stage for b in (1 << 20, 1 << 30))
    assert small.grid == large.grid
    assert np.prod(small.pieces) < np.prod(large.pieces)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("host_bytes", [2 << 20, 256 << 20])
def test_a_task_fits_its_limits(device, host_bytes):
    limits = Limits(device=device, task_host_bytes=host_bytes, task_device_bytes=16 << 20)
    made = draft("exp(x) * y + z", *[header((10**9, 3))] * 3, limits=limits)
    assert made.task_host_bytes <= host_bytes
    assert made.task_device_bytes <= 16 << 20
    assert (made.task_device_bytes > 0) == (device == "cuda")


def test_predictions():
    made = draft("x * 2 + y", header((1000, 50)), header((50,)))
    assert made.flops == 2 * 50_000
    assert made.read_bytes == 4 * (50_000 + 50)


def test_dtype_converts_within_a_kind():
    made = draft("x * 2", header((3,)), dtype="float64")
    assert made.output.dtype == np.float64
    assert run(made, [np.ones(3, "f4")]).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("dtype", "next_step"), [("int32", "write int32(...) in the expression"), ("flaot64", "did you mean float64?")]
)
def test_dtype_of_another_kind_is_refused(dtype, next_step):
    with pytest.raises(SpecError) as caught:
        draft("x * 2", header((3,)), dtype=dtype)
    assert caught.value.next == next_step


def test_unused_input_is_refused():
    with pytest.raises(SpecError, match="does not use y") as caught:
        draft("x * 2", header((3,)), header((3,)))
    assert "leave that input out" in caught.value.next


def test_expression_of_constants_is_refused():
    with pytest.raises(SpecError, match="does not use x"):
        draft("1 + 2", header((3,)))


def test_inputs_are_called_by_position_or_by_name():
    assert input_names(MAP, 2) == ("x", "y")
    made = draft("speed * mass", header((3,)), header((3,)), names=("mass", "speed"))
    assert made.output.shape == (3,)


@pytest.mark.parametrize("names", [("a",), ("a", "a"), ("a", "b c"), ("a", "b", "c")])
def test_names_that_do_not_fit_are_refused(names):
    with pytest.raises(SpecError, match="names of the inputs"):
        draft("a", header((3,)), header((3,)), names=names)


@pytest.mark.parametrize("code", ["O", "U3", "M8[s]", "g"])
def test_dtypes_that_are_not_worked_on(code):
    with pytest.raises(InputUnsupportedError):
        draft("x + 1", header((3,), code))


def test_foreign_byte_order_gives_native_results():
    assert draft("x + 1", header((3,), ">f4")).output.dtype == np.dtype("=f4")


def test_uint64_on_cuda_is_refused_with_the_way_out():
    with pytest.raises(InputUnsupportedError) as caught:
        draft("x + 1", header((3,), "u8"), limits=Limits(device="cuda"))
    assert caught.value.next == "use --device cpu"


def test_kernel_is_pickled_and_runs_on_torch():
    kernel = pickle.loads(pickle.dumps(draft("x / 2", header((3,), "i4")).stage.kernel))
    result = kernel.apply(xp, [torch.tensor([1, 2, 3], dtype=torch.int32)])
    assert (result.dtype, result.tolist()) == (torch.float64, [0.5, 1.0, 1.5])


def test_apply_into_fills_the_given_array():
    kernel = draft("x / 2", header((3,), "i4")).stage.kernel
    out = np.empty(6)[::2]
    kernel.apply_into([np.array([1, 2, 3], "i4")], out)
    assert out.tolist() == [0.5, 1.0, 1.5]


def test_apply_keeps_fortran_order():
    kernel = draft("x + 1", header((3, 4), order="F")).stage.kernel
    assert kernel.apply(np, [np.asfortranarray(np.ones((3, 4), "f4"))]).flags.f_contiguous


@pytest.mark.parametrize("expr", MALICIOUS, ids=range(len(MALICIOUS)))
def test_malicious_expressions_are_refused(expr):
    with pytest.raises(SpecError):
        draft(expr, header((3,)))


def test_no_memory_at_all_is_refused():
    with pytest.raises(CannotFitError):
        draft("x + 1", header((3,)), limits=Limits(task_host_bytes=4))


@pytest.mark.parametrize("expr", ["round(y) + x", "round(y, 1) * x", "round(x, -1) + round(y, -2)"])
@pytest.mark.parametrize("code", ["f8", "f2", "i4", "u1", "c16"])
def test_round_broadcasts_and_rounds_integers_to_tens(expr, code):
    x = np.arange(12).reshape(3, 4).astype(code)
    y = (np.array([4, 16, 25, 113]) / (1 if x.dtype.kind in "iu" else 7)).astype(code)
    got = run(draft(expr, header((3, 4), code), header((4,), code)), [x, y])
    want = eval(expr, {"round": np.round, "x": x, "y": y})
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)

"""Tests of jobs/operations/elementwise/program.py: random expressions against NumPy's own evaluation, bit for bit."""

import numpy as np
import pytest
from expressions import REAL, bits, exact_expressions, numpy_answer, program_of, random_array
from hypothesis import given, settings
from hypothesis import strategies as st

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.elementwise import program as program_module
from arraymill.jobs.operations.elementwise.expression import parse_expression
from arraymill.jobs.operations.elementwise.program import compile_program, run_on_numpy
from arraymill.jobs.operations.elementwise.typed import type_expression

SHAPES = [
    ((7,), (7,)),
    ((5, 6), (5, 6)),
    ((5, 6), (6,)),
    ((5, 6), (5, 1)),
    ((5, 1), (1, 6)),
    ((4, 5, 6), (5, 1)),
    ((1,), (9,)),
]


def run(text, arrays, order="C"):
    program = compile_program(type_expression(parse_expression(text), {n: a.dtype for n, a in arrays.items()}))
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    out = np.empty(shape, program.dtype, order=order)
    run_on_numpy(program, list(arrays.values()), out)
    return out


@settings(max_examples=300, deadline=None)
@given(
    text=exact_expressions(),
    codes=st.tuples(st.sampled_from(REAL), st.sampled_from(REAL)),
    shapes=st.sampled_from(SHAPES),
    orders=st.tuples(st.sampled_from("CF"), st.sampled_from("CF"), st.sampled_from("CF")),
    piece_bytes=st.sampled_from([16, 64, 256 << 10]),
)
def test_random_expression_is_numpys_answer(text, codes, shapes, orders, piece_bytes):
    arrays = {
        name: np.asarray(random_array(code, seed, np.prod(shape)).reshape(shape), order=order)
        for seed, (name, code, shape, order) in enumerate(zip("xy", codes, shapes, orders[:2], strict=True))
    }
    expected = numpy_answer(text, arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_module, "PIECE_BYTES", piece_bytes)
        if isinstance(expected, Exception):
            with pytest.raises((SpecError, ValueError)):
                run(text, arrays, orders[2])
            return
        result = run(text, arrays, orders[2])
    expected = np.broadcast_to(expected, result.shape)
    assert (result.dtype, bits(result)) == (expected.dtype, bits(expected))


@pytest.mark.parametrize(
    "text", ["exp(x) * sin(y)", "x ** y", "hypot(x, y) / log1p(abs(x))", "tanh(x) + arctan2(y, x)"]
)
@pytest.mark.parametrize("code", ["f2", "f4", "f8"])
def test_transcendental_functions_are_numpys_answer_over_several_pieces(text, code):
    arrays = {"x": random_array(code, 0, 300_001), "y": random_array(code, 1, 300_001)}
    expected = numpy_answer(text, arrays)
    assert bits(run(text, arrays)) == bits(expected)


def test_inputs_are_not_written_to():
    x = np.arange(5.0)
    x.flags.writeable = False
    assert run("-(x + 1) * 2", {"x": x}).tolist() == [-2, -4, -6, -8, -10]


def test_registers_are_used_again():
    text = "+".join(["exp(x)"] * 20)
    assert program_of(text, {"x": np.dtype("f4")}).registers == (np.dtype("f4"),) * 2


def test_where_does_not_write_into_its_operand():
    arrays = {"x": random_array("f4", 0), "y": random_array("f4", 1)}
    text = "where(x + 1 > y, x * 2, y * 3)"
    assert bits(run(text, arrays)) == bits(numpy_answer(text, arrays))


def test_a_bare_input_is_copied():
    x = np.arange(6.0).reshape(2, 3)
    out = run("x", {"x": x})
    assert out.tolist() == x.tolist()
    assert not np.shares_memory(out, x)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1, 1)])
def test_shapes_at_the_edge(shape):
    out = run("x * 2 + exp(x)", {"x": np.zeros(shape, "f4")})
    assert out.shape == shape
    assert out.ravel().tolist() == [1.0] * out.size


def test_negative_power_of_integers_raises_as_numpy():
    with pytest.raises(ValueError, match="Integers to negative integer powers"):
        run("x ** y", {"x": np.arange(3), "y": np.array([1, -1, 2])})


def test_division_by_zero_is_silent():
    assert run("x // 0 + x % 0", {"x": np.arange(3)}).tolist() == [0, 0, 0]


def test_array_exponents_do_not_depend_on_the_blocks():
    x, y = random_array("f8", 0, 60).reshape(10, 6), np.array([[0.5], [2.0]] * 5)
    whole = run("x ** y", {"x": x, "y": y})
    rows = np.concatenate([run("x ** y", {"x": x[i : i + 1], "y": y[i : i + 1]}) for i in range(10)])
    assert bits(whole) == bits(rows)


def test_flops_and_scratch_of_an_expression():
    program = program_of("(x - 3) * exp(y)", {"x": np.dtype("f4"), "y": np.dtype("f4")})
    assert (program.flops, program.registers) == (22, (np.dtype("f4"),) * 2)
    assert (program.register_itemsize, program.piece_elements) == (8, program_module.PIECE_BYTES // 4)


def test_programs_are_pickled():
    import pickle

    program = program_of("x + 1", {"x": np.dtype("f4")})
    assert pickle.loads(pickle.dumps(program)) == program

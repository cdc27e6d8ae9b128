"""Tests of jobs/operations/elementwise/typed.py."""

import numpy as np
import pytest
from expressions import numpy_answer

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.elementwise.expression import parse_expression
from arraymill.jobs.operations.elementwise.typed import Apply, Input, Scalar, cast_typed, input_numbers, type_expression

DTYPES = {name: np.dtype(code) for name, code in zip("bufizh", ["?", "u1", "f4", "i4", "c8", "f2"], strict=True)}


def typed(text):
    return type_expression(parse_expression(text), DTYPES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("f * 2", "f4"),
        ("f * 2.5", "f4"),
        ("f * 1j", "c8"),
        ("f * sqrt(2)", "f8"),
        ("f * float32(sqrt(2))", "f4"),
        ("f * pi", "f4"),
        ("u + u", "u1"),
        ("u + i", "i4"),
        ("u + 1", "u1"),
        ("u + 1.5", "f8"),
        ("i / i", "f8"),
        ("i // 2", "i4"),
        ("i + f", "f8"),
        ("h + 1e10", "f2"),
        ("b + b", "?"),
        ("b + 1", "i8"),
        ("abs(z)", "f4"),
        ("real(z)", "f4"),
        ("angle(z)", "f4"),
        ("angle(u)", "f2"),
        ("sqrt(u)", "f2"),
        ("i < f", "?"),
        ("not f", "?"),
        ("where(b, 1, 0)", "i8"),
        ("where(b, u, 2)", "u1"),
        ("where(f, u, 2.5)", "f8"),
        ("clip(u, 3, 300)", "u1"),
        ("int8(f)", "i1"),
        ("i ** 2", "i4"),
        ("u < 300", "?"),
        ("i * (2 ** 31 - 1)", "i4"),
    ],
)
def test_dtype_is_numpys(text, code):
    assert typed(text).dtype == np.dtype(code)


@pytest.mark.parametrize(
    "text",
    [
        "u - 300",
        "u ** -1",
        "i ** -1",
        "floor(z)",
        "z // 2",
        "f & 1",
        "~f",
        "f << 1",
        "-b",
        "b - b",
        "uint8(300) + u",
        "where(b, u, 300)",
        "where(b, 300, u)",
        "float32(z)",
        "f * float64(1j)",
        "round(f, i)",
        "round(f, 1.5)",
        "round(b, 1)",
        "reciprocal(i)",
        "f + 9 ** 9 ** 9",
        "f + (1 << 10000)",
        "f + 1 / 0",
        "f + 2.0 ** 10000",
        "f + ~True",
        "f + 2 ** 1025 * 1.0",
        "maximum(u, 300)",
    ],
)
def test_what_numpy_refuses_is_refused_at_planning(text):
    with pytest.raises(SpecError) as caught:
        typed(text)
    assert "^" in caught.value.cause
    assert caught.value.next


def test_overflow_has_numpys_words():
    with pytest.raises(SpecError, match="Python integer 300 out of bounds for uint8"):
        typed("u - 300")


def test_unknown_name_is_shown_with_a_suggestion():
    with pytest.raises(SpecError, match="unknown name speed") as caught:
        type_expression(parse_expression("2 * speed"), {"sped": np.dtype("f4")})
    assert caught.value.next == "did you mean sped?"


def test_an_input_hides_a_constant_of_its_name():
    assert type_expression(parse_expression("e + 1"), {"e": np.dtype("f4")}).operands[0] == Input(0, np.dtype("f4"))


def test_constants_are_weak():
    assert typed("f + pi").operands[1] == Scalar(np.pi)


@pytest.mark.parametrize("text", ["u < 300", "u != -1", "300 > u", "i >= 18446744073709551615", "u == 256"])
def test_comparison_out_of_range_is_constant(text):
    expected = bool(numpy_answer(text, {"u": np.ones(1, "u1"), "i": np.ones(1, "i4")})[0])
    assert typed(text).function == ("isfinite" if expected else "isinf")


def test_fixed_powers_are_what_numpy_computes():
    names = [typed(text).function for text in ("f ** 2", "f ** 0.5", "power(f, -1)", "f ** 3", "i ** 2", "z ** -1")]
    assert names == ["square", "sqrt", "reciprocal", "power", "power", "reciprocal"]


def test_foreign_byte_order_is_typed_as_native():
    root = type_expression(parse_expression("x"), {"x": np.dtype(">f4")})
    assert root == Input(0, np.dtype("=f4"))


def test_cast_typed_leaves_the_same_dtype():
    root = typed("f + 1")
    assert cast_typed(root, np.dtype("f4")) is root
    assert cast_typed(root, np.dtype("f8")) == Apply("float64", (root,), (np.dtype("f4"),), np.dtype("f8"))


def test_input_numbers():
    assert input_numbers(typed("where(b, f, 2) + pi")) == {0, 2}


def test_deepest_expression_is_typed():
    assert typed("-" * 100 + "f").dtype == np.float32

"""Tests of jobs/operations/elementwise/expression.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.elementwise.expression import MAX_LENGTH, Call, Constant, Name, parse_expression, suggest


def test_operators_are_calls_of_numpys_functions():
    root = parse_expression("(x - 3) * exp(y)").root
    assert root == Call(
        "multiply",
        (Call("subtract", (Name("x", 1), Constant(3, 5)), "-", 1), Call("exp", (Name("y", 14),), "", 10)),
        "*",
        0,
    )


def test_aliases_lead_to_one_name():
    assert parse_expression("abs(mod(x, 2))").root.function == "absolute"


def test_line_breaks_are_spaces():
    assert parse_expression("x +\n\ty").root.function == "add"


MALICIOUS = [
    "__import__('os')",
    "__import__('os').system('true')",
    "x.__class__",
    "().__class__.__bases__[0].__subclasses__()",
    "x[0]",
    "lambda: 1",
    "(lambda x: x)(x)",
    "[a for a in x]",
    "{a for a in x}",
    "(a for a in x)",
    "{1: 2}",
    "{1}",
    "(1, 2)",
    "[1]",
    "(y := 3)",
    "x = 1",
    "x; y",
    "import os",
    "exec('1')",
    "eval('1')",
    "compile(x)",
    "getattr(x, y)",
    "open(x)",
    "print(x)",
    "'text'",
    "b'text'",
    "f'{x}'",
    "None",
    "...",
    "await x",
    "yield x",
    "*x",
    "sqrt(*x)",
    "sqrt(**x)",
    "sqrt(x=1)",
    "sqrt(x)(y)",
    "x if y else z",
    "x and y",
    "x or y",
    "0 < x < 1",
    "x in y",
    "x is y",
    "x @ y",
    "1or 2",
    "",
    "   ",
    "# comment",
    "x\0",
    "x\x1b[31m",
    "\N{KELVIN SIGN}",
    "9" * 4000,
    "0x" + "f" * 100,
    "(" * 100_000,
    "(" * 100_000 + "x" + ")" * 100_000,
    "(" * 2000 + "x" + ")" * 2000,
    "-" * 4000 + "x",
    "~" * 150 + "x",
    "not " * 1000 + "x",
    "x" + "+x" * 2000,
    "sqrt(" * 500 + "x" + ")" * 500,
    "x" * (MAX_LENGTH + 1),
    "where(" + ",".join("x" * 1500) + ")",
]


@pytest.mark.parametrize("text", MALICIOUS, ids=lambda text: ascii(text[:24]))
def test_everything_else_is_refused_with_a_hint(text):
    with pytest.raises(SpecError) as caught:
        parse_expression(text)
    assert caught.value.next


@given(st.text(max_size=60) | st.text("xyzsqrtexp01.()+-*/%<>=!&|^~[]{}:,'\" \n", max_size=60))
def test_any_text_parses_or_is_a_spec_error(text):
    try:
        expression = parse_expression(text)
    except SpecError:
        return
    assert isinstance(expression.root, Constant | Name | Call)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0 < x < 1", "write (a < b) & (b < c)"),
        ("x if y else z", "write where(condition, a, b)"),
        ("x and y", "write (a > 0) & (b > 0), with | for or"),
        ("x @ y", "use the operation matmul: arraymill run matmul"),
        ("sqr(x)", "did you mean sqrt?"),
        ("add(x, y)", "write it as an operator"),
    ],
)
def test_hint(text, hint):
    with pytest.raises(SpecError) as caught:
        parse_expression(text)
    assert caught.value.next == hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clip(x)", "clip takes 3 argument(s), not 1"),
        ("round(x, 1, 2)", "round takes 1 or 2 argument(s), not 3"),
        ("float32()", "float32 takes 1 argument(s), not 0"),
    ],
)
def test_wrong_number_of_arguments_says_the_right_one(text, words):
    with pytest.raises(SpecError) as caught:
        parse_expression(text)
    assert caught.value.what == words


def test_caret_stands_under_the_column():
    with pytest.raises(SpecError) as caught:
        parse_expression("  x + sqr(y)")
    line, caret = str(caught.value).splitlines()[1:3]
    assert line.index("sqr") == caret.index("^")


def test_caret_stands_under_the_column_of_a_long_expression():
    with pytest.raises(SpecError) as caught:
        parse_expression("x + " * 50 + "sqr(y)")
    line, caret = str(caught.value).splitlines()[1:3]
    assert line.index("sqr") == caret.index("^")


def test_suggest_lists_all_when_nothing_is_alike():
    assert suggest("qqq", ["y", "x"]) == "known: x, y"

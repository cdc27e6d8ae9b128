"""Expressions of `map`, ``"(x - 3) * exp(y)"``, parsed to our own checked tree.

Python's parser reads the text; the tree that it gives is copied, node by node, into the three kinds of node below, and
whatever has no place in them is refused with the column. Nothing is ever evaluated by Python.

==========  ====================================================================================================
node        written
==========  ====================================================================================================
Constant    ``3``, ``2.5``, ``1j``, ``True``, ``False``
Name        an input, or ``pi``, ``e``, ``inf``, ``nan``
Call        ``sqrt(x)``, ``float32(x)``, ``x + y``: an operator is a call of its NumPy function
==========  ====================================================================================================
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from ...errors import SpecError
from .functions import CASTS, FUNCTIONS

__all__ = ["Call", "Constant", "Expression", "Name", "Node", "fail_at", "parse_expression", "suggest"]

MAX_LENGTH = 4096
MAX_DEPTH = 100
MAX_NODES = 1000
_MAX_BITS = 64


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, and the column it starts in."""

    value: bool | int | float | complex
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    """An input or a named constant."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function or dtype of NumPy's name, with its operands; `symbol` is the operator it was written as, or ""."""

    function: str
    operands: tuple[Node, ...]
    symbol: str
    column: int


Node: TypeAlias = Constant | Name | Call


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its text and its tree."""

    text: str
    root: Node


_BINARY: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "add"),
    ast.Sub: ("-", "subtract"),
    ast.Mult: ("*", "multiply"),
    ast.Div: ("/", "divide"),
    ast.FloorDiv: ("//", "floor_divide"),
    ast.Mod: ("%", "remainder"),
    ast.Pow: ("**", "power"),
    ast.BitAnd: ("&", "bitwise_and"),
    ast.BitOr: ("|", "bitwise_or"),
    ast.BitXor: ("^", "bitwise_xor"),
    ast.LShift: ("<<", "left_shift"),
    ast.RShift: (">>", "right_shift"),
}
_UNARY: dict[type[ast.unaryop], tuple[str, str]] = {
    ast.UAdd: ("+", "positive"),
    ast.USub: ("-", "negative"),
    ast.Invert: ("~", "invert"),
    ast.Not: ("not", "logical_not"),
}
_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "less"),
    ast.LtE: ("<=", "less_equal"),
    ast.Gt: (">", "greater"),
    ast.GtE: (">=", "greater_equal"),
    ast.Eq: ("==", "equal"),
    ast.NotEq: ("!=", "not_equal"),
}
_HINTS: dict[type[ast.AST], tuple[str, str]] = {
    ast.BoolOp: ("and / or do not work element by element", "write (a > 0) & (b > 0), with | for or"),
    ast.IfExp: ("a conditional expression does not work element by element", "write where(condition, a, b)"),
    ast.BinOp: ("@ is not elementwise", "use the operation matmul: arraymill run matmul"),
    ast.Compare: ("is and in do not work element by element", "compare with == or !="),
    ast.Attribute: ("attributes are not allowed", "call functions by their bare name: sqrt(x)"),
    ast.Subscript: ("indexing is not allowed", "an expression works on whole arrays, element by element"),
    ast.Lambda: ("lambda is not allowed", "write the expression itself"),
    ast.NamedExpr: ("assignment is not allowed", "write one expression"),
}
_PLAIN = "use numbers, inputs, operators and functions: (x - 3) * exp(y)"
_FUNCTION_NAMES = frozenset({name for name, function in FUNCTIONS.items() if function.in_expression} | set(CASTS))


def parse_expression(text: str) -> Expression:
    """Return the checked tree of an expression.

    Raises
    ------
    SpecError
        Where the text is not a plain elementwise expression, with its column and what to write instead.

    Examples
    --------
    >>> parse_expression("sqrt(x) + 1").root.function
    'add'
    >>> try:
    ...     parse_expression("x + sqr(y)")
    ... except SpecError as error:
    ...     print(error)
    unknown function sqr
      cause: x + sqr(y)
                 ^
      next:  did you mean sqrt?
    """
    line = "".join(" " if character in "\t\r\n" else character for character in text)
    if len(line) > MAX_LENGTH:
        cause = f"{len(line)} characters, allowed: {MAX_LENGTH}"
        raise SpecError("the expression is too long", cause=cause, next="split it into several jobs")
    for column, character in enumerate(line):
        if not " " <= character <= "~":
            fail_at(ascii(line), 0, f"character {character!a} at column {column} is not allowed", _PLAIN)
    body = _parse_text(line)
    return Expression(line, _Reader(line).read(body, 0))


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a hint for a mistyped word: the most alike of the known ones, or all of them.

    >>> suggest("lgo", ["log", "exp"])
    'did you mean log?'
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"


def fail_at(text: str, column: int, what: str, hint: str, *, why: BaseException | None = None) -> NoReturn:
    """Raise a SpecError that shows where in the text it was met."""
    start = max(column - 60, 0)
    shown = text[start : start + 90]
    raise SpecError(what, cause=f"{shown}\n         {' ' * (column - start)}^", next=hint) from why


def _parse_text(line: str) -> ast.expr:
    stripped = line.lstrip()
    offset = len(line) - len(stripped)
    try:
        with warnings.catch_warnings(action="error"):  # Python warns of `1or 2`; here that is an error
            tree = ast.parse(stripped, mode="eval")
    except SyntaxError as error:
        fail_at(line, (error.offset or 1) - 1 + offset, f"not an expression: {error.msg}", _PLAIN)
    except (ValueError, RecursionError, MemoryError):
        what = f"the expression is nested deeper than {MAX_DEPTH}"
        raise SpecError(what, next="split it into several jobs") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.col_offset += offset
    return tree.body


def _refusal(node: ast.expr) -> tuple[str, str]:
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        return "a chain of comparisons is not elementwise", "write (a < b) & (b < c)"
    return _HINTS.get(type(node), (f"{type(node).__name__} is not allowed", _PLAIN))


class _Reader:
    """Copies Python's tree into ours and counts nodes on the way."""

    def __init__(self, text: str) -> None:
        self.text, self.n_nodes = text, 0

    def read(self, node: ast.expr, depth: int) -> Node:
        self.n_nodes += 1
        if depth > MAX_DEPTH or self.n_nodes > MAX_NODES:
            limit = f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"more than {MAX_NODES} terms"
            self.fail(node, f"the expression is {limit}", "split it into several jobs")
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return Name(node.id, node.col_offset)
            case ast.Call():
                return self.call(node, depth)
            case ast.BinOp(op=op) if type(op) in _BINARY:
                return self.operator(node, _BINARY[type(op)], (node.left, node.right), depth)
            case ast.UnaryOp(op=unary):
                return self.operator(node, _UNARY[type(unary)], (node.operand,), depth)
            case ast.Compare(ops=[comparison]) if type(comparison) in _COMPARE:
                return self.operator(node, _COMPARE[type(comparison)], (node.left, node.comparators[0]), depth)
            case _:
                return fail_at(self.text, node.col_offset, *_refusal(node))

    def fail(self, node: ast.expr, what: str, hint: str) -> NoReturn:
        fail_at(self.text, node.col_offset, what, hint)

    def constant(self, node: ast.Constant) -> Node:
        value = node.value
        if not isinstance(value, (bool, int, float, complex)):
            self.fail(node, f"{type(value).__name__} is not a number", _PLAIN)
        if isinstance(value, int) and value.bit_length() > _MAX_BITS:
            what = f"an integer of {value.bit_length()} bits does not fit"
            self.fail(node, what, "write it as a float: 1e30")
        return Constant(value, node.col_offset)

    def operator(self, node: ast.expr, entry: tuple[str, str], operands: tuple[ast.expr, ...], depth: int) -> Node:
        symbol, function = entry
        return Call(function, tuple(self.read(o, depth + 1) for o in operands), symbol, node.col_offset)

    def call(self, node: ast.Call, depth: int) -> Node:
        if not isinstance(node.func, ast.Name):
            self.read(node.func, depth + 1)
            self.fail(node, "only functions known by name can be called", _PLAIN)
        name = node.func.id
        if name not in _FUNCTION_NAMES:
            hint = "write it as an operator" if name in FUNCTIONS else suggest(name, _FUNCTION_NAMES)
            self.fail(node, f"unknown function {name}", hint)
        if node.keywords:
            self.fail(node, f"{name} takes no keywords here", "give the arguments by position")
        fewest, most = (1, 1) if name in CASTS else FUNCTIONS[name].n_arguments
        if not fewest <= len(node.args) <= most:
            allowed = str(fewest) if fewest == most else f"{fewest} or {most}"
            self.fail(node, f"{name} takes {allowed} argument(s), not {len(node.args)}", f"see numpy.{name}")
        operands = tuple(self.read(argument, depth + 1) for argument in node.args)
        return Call(name if name in CASTS else FUNCTIONS[name].name, operands, "", node.col_offset)

"""Turns what pydantic finds wrong into sentences: the line, the field, what is wrong, what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import SpecError
from .document import Document, Location, spec_error

__all__ = ["explain_invalid", "suggest"]

_EXPECTED: Mapping[str, str] = {
    "string_type": "text (put it in quotes)",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping (lines of `key: value`)",
    "model_type": "a mapping (lines of `key: value`)",
    "string_pattern_mismatch": "letters, digits, dots, underscores and dashes (first: letter or digit)",
}


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a "did you mean" for a misspelt word, or "" if nothing known is near.

    >>> suggest("precison", ["device", "precision"])
    '; did you mean precision?'
    """
    near = get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def explain_invalid(
    error: ValidationError, model: type[BaseModel], document: Document, *, prefix: Location = ()
) -> SpecError:
    """Return one error that lists everything pydantic found, in the order of the document.

    Parameters
    ----------
    error : pydantic.ValidationError
    model : type of pydantic.BaseModel
        The model that refused the document.
    document : Document
        What was refused.
    prefix : tuple
        Where in the document the model's part begins: ``("params",)`` for an operation's parameters.
    """
    sentences: dict[Location, list[str]] = {}
    for details in error.errors(include_url=False):
        location = _as_written((*prefix, *details["loc"]), details["type"], document.tree)
        said = sentences.setdefault(location, [])
        if (sentence := _sentence(details, model)) not in said:
            said.append(sentence)
    problems = [_problem(location, _join(said), document) for location, said in sentences.items()]
    problems.sort(key=_line_number)
    operation = _operation_at(document.tree, prefix)
    shown = f"arraymill ops {operation}" if prefix else "arraymill schema"
    return spec_error(document.origin, problems, next_step=f"correct it; {shown} shows what may stand there")


def _operation_at(tree: Any, prefix: Location) -> Any:
    """Return the operation whose parameters begin at `prefix`: the job's, or that of a step."""
    for part in prefix[:-1]:
        tree = tree[part]
    return tree.get("op")


def _join(sentences: list[str]) -> str:
    """Join what the members of a union say: "is 'a', not an integer or a list"."""
    start = sentences[0].partition(", not ")[0] + ", not "
    return " or ".join([sentences[0], *(sentence.removeprefix(start) for sentence in sentences[1:])])


def _problem(location: Location, sentence: str, document: Document) -> str:
    place, dotted = document.place(location), ".".join(map(str, location))
    said = f"{dotted}{sentence}" if sentence.startswith(":") else f"{dotted} {sentence}".strip()
    return f"{place}: {said}" if place else said


def _line_number(problem: str) -> int:
    match = re.match(r"line (\d+):", problem)
    return int(match[1]) if match else 0


def _as_written(location: Location, kind: str, tree: Any) -> Location:
    """Cut a location back to what stands in the document: pydantic appends the members of a union."""
    written: list[str | int] = []
    for part in location:
        if isinstance(tree, list | tuple) and str(part).isdigit() and int(part) < len(tree):
            part, tree = int(part), tree[int(part)]
        elif isinstance(tree, dict) and part in tree:
            tree = tree[part]
        else:
            # What is missing does not stand in the document, and is still what must be named.
            return (*written, part) if kind == "missing" else tuple(written)
        written.append(part)
    return tuple(written)


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return f": {context['error']}" if details["loc"] else str(context["error"])
    if kind == "extra_forbidden":
        name = str(details["loc"][-1])
        known = _fields_at(details["loc"][:-1], model)
        return f"is no field{suggest(name, known) or ': known are ' + ', '.join(known)}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]]
        return f"is {details['input']!r}, not {' | '.join(known)}{suggest(str(details['input']), known)}"
    if kind == "missing":
        return "is missing"
    if kind in _EXPECTED:
        return f"is {details['input']!r}, not {_EXPECTED[kind]}"
    return f"is {details['input']!r}: it {details['msg'].removeprefix('Input ')}"


def _fields_at(location: Location, model: type[BaseModel]) -> list[str]:
    annotation: Any = model
    for part in location:
        found = _model_in(annotation)
        if found is not None and part in found.model_fields:
            annotation = found.model_fields[str(part)].annotation
    found = _model_in(annotation)
    return list(found.model_fields) if found else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)

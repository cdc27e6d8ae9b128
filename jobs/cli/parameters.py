"""Command-line options made from an operation's parameters model: names, types, defaults and help are the model's."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from ..operations import Operation
from .help import SectionOption

__all__ = ["given_parameters", "parameter_options"]

_PREFIX = "parameter_"
_METAVARS: dict[Any, str] = {int: "INT", float: "NUMBER", str: "TEXT", list: "A,B,..."}


def parameter_options(operation: Operation) -> list[click.Option]:
    """Return one option per parameter of an operation.

    Examples
    --------
    >>> from arraymill.jobs.operations import OPERATIONS
    >>> [option.opts[0] for option in parameter_options(OPERATIONS["sum"])]
    ['--axis', '--dtype', '--keepdims']
    """
    return [_option(name, field) for name, field in operation.params.model_fields.items()]


def given_parameters(values: dict[str, Any]) -> dict[str, Any]:
    """Take the parameters that were given out of a command's values. Text stays text: the model reads it."""
    named = [name for name in values if name.startswith(_PREFIX)]
    taken = {name.removeprefix(_PREFIX): values.pop(name) for name in named}
    return {name: value for name, value in taken.items() if value is not None}


def _option(name: str, field: FieldInfo) -> click.Option:
    flag, members = f"--{name.replace('_', '-')}", _members(field.annotation)
    help_text = _help(field)
    if members == [bool]:
        # No default of click's own: what is not said stays the model's to decide.
        declaration = f"{flag}/--no-{name.replace('_', '-')}"
        return SectionOption([declaration, _PREFIX + name], default=None, help=help_text, section="Parameters")
    return SectionOption(
        [flag, _PREFIX + name],
        required=field.is_required(),
        type=_type(members),
        callback=_split if members and all(get_origin(member) in (tuple, list) for member in members) else None,
        metavar=_metavar(members),
        help=help_text,
        section="Parameters",
    )


def _members(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation without None."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    if hasattr(annotation, "__metadata__"):
        return _members(annotation.__origin__)
    return [] if annotation is type(None) else [annotation]


def _type(members: list[Any]) -> click.ParamType[Any] | None:
    if len(members) == 1 and get_origin(members[0]) is Literal:
        return click.Choice([str(value) for value in get_args(members[0])])
    return None


def _split(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


def _metavar(members: list[Any]) -> str | None:
    if any(get_origin(member) is Literal for member in members):
        return None
    words = [(_word(member), get_origin(member) is tuple) for member in members]
    names = [f"{word},{word},..." if is_tuple else word for word, is_tuple in words]
    # whoever may write a number may write a whole one
    return "|".join(name for name in dict.fromkeys(names) if name != "INT" or "NUMBER" not in names)


def _word(member: Any) -> str:
    """Return what one value is called; of a tuple the widest of its items."""
    if get_origin(member) is not tuple:
        return _METAVARS.get(get_origin(member) or member, "TEXT")
    words = {_word(part) for item in get_args(member) if item is not ... for part in _members(item)}
    return next((word for word in ("TEXT", "NUMBER") if word in words), "INT")


def _help(field: FieldInfo) -> str:
    text = (field.description or "").strip()
    text = text[:1].upper() + text[1:]
    sentence = text if not text or text.endswith(".") else text + "."
    if field.is_required() or field.default in (None, ()):
        return sentence
    shown = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"{sentence} [default: {shown}]".strip()

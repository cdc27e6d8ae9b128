"""From command-line values to a job: the file or the flags, a profile, and overrides, merged and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from ..dask_config import put_beneath
from ..errors import SpecError
from ..operations import OPERATIONS, Operation
from ..spec.document import Document, Location, merge, spec_error
from ..spec.errors import explain_invalid, suggest
from ..spec.job_spec import JobSpec, Settings
from ..spec.load import check_document, ordered_inputs, override
from ..spec.scalar import parse_scalar
from ..spec.yaml import parse_yaml, read_text

__all__ = ["PROFILES", "all_settings", "check_job", "job_of", "profile_document"]

PROFILES = ("laptop", "one-gpu", "node")

_FIELDS = {
    "output": ("output", "path"),
    "device": ("compute", "device"),
    "precision": ("compute", "precision"),
    "memory": ("memory", "host"),
    "device_memory": ("memory", "device"),
    "cluster": ("cluster", "kind"),
    "workers": ("cluster", "workers"),
    "gpus": ("cluster", "gpus"),
    "dashboard": ("cluster", "dashboard"),
    "name": ("name",),
    "hash": ("fault", "hash"),
}


def job_of(document: Document, flags: Mapping[str, Any]) -> JobSpec:
    """Return the job of a document and the flags given with it.

    Parameters
    ----------
    document : Document
        The job file, or operation, inputs and parameters from the command line.
    flags : mapping
        Values of `options.job_options` by name; None was not given.

    Raises
    ------
    SpecError
        If the job, the profile or a flag is wrong.
    """
    return check_job(all_settings(document, flags))


def all_settings(document: Document, flags: Mapping[str, Any]) -> Document:
    """Return a document with what else has a say: `dask.config` under it, a profile and the flags over it.

    Raises
    ------
    SpecError
        If `dask.config` or the profile is wrong, or a flag cannot be read.
    """
    if flags.get("config"):
        document = merge(document, profile_document(flags["config"]))
    for flag, location in _FIELDS.items():
        if flags.get(flag) is not None:
            document = _put(document, location, _value_of(flag, flags[flag]), _place_of(flag))
    if flags.get("force"):
        document = _put(document, ("output", "if_exists"), "replace", _place_of("force"))
    for setting in flags.get("settings", ()):
        document = override(document, setting)
    return put_beneath(document)


def check_job(document: Document) -> JobSpec:
    """Return the job of a document, its operation, parameters and number of inputs checked; no input is opened.

    Raises
    ------
    SpecError
        If anything is wrong, naming the line or the flag.
    """
    found: list[SpecError] = []
    try:
        spec = check_document(document, JobSpec)
    except SpecError as error:
        found.append(error)
    for at, name, params in _operations_in(document.tree):
        try:
            operation = _check_operation(document, at, name, params)
        except SpecError as error:
            found.append(error)
    if found:
        raise _joined(document, found)
    if spec.steps:
        from ..job import find_operation  # with what opens arrays, which most commands have no use for

        find_operation(spec)
        return spec
    ordered_inputs(spec, operation.inputs, variadic=operation.variadic)
    return spec


def _operations_in(tree: Any) -> Iterator[tuple[Location, str, Mapping[str, Any]]]:
    """Yield where operations stand in a document, their names and parameters, as far as they can be read."""
    steps = tree.get("steps")
    parts: list[tuple[Location, Any]] = [((), tree)]
    if isinstance(steps, list) and steps:
        parts = [(("steps", number), step) for number, step in enumerate(steps)]
    for at, part in parts:
        if isinstance(part, Mapping) and isinstance(part.get("op"), str):
            params = part.get("params", {})
            yield at, part["op"], params if isinstance(params, Mapping) else {}


def _joined(document: Document, found: Sequence[SpecError]) -> SpecError:
    """Return one error with the problems of several, by their lines."""
    if len(found) == 1:
        return found[0]
    problems = [line.strip() for error in found for line in error.cause.splitlines()]
    problems.sort(key=lambda problem: int(match[1]) if (match := re.match(r"line (\d+):", problem)) else 0)
    return spec_error(document.origin, [*dict.fromkeys(problems)], next_step=found[0].next)


def _check_operation(document: Document, at: Location, name: str, params: Mapping[str, Any]) -> Operation:
    """Return the operation of a name, its parameters checked, which stand in a part of the document."""
    operation = OPERATIONS.get(name)
    if operation is None:
        place = document.place((*at, "op"))
        problem = f"{place + ': ' if place else ''}no operation is called {name!r}{suggest(name, OPERATIONS)}"
        raise spec_error(document.origin, [problem], next_step="arraymill ops lists them")
    try:
        operation.params.model_validate(params)
    except ValidationError as error:
        raise explain_invalid(error, operation.params, document, prefix=(*at, "params")) from None
    return operation


def _put(document: Document, location: tuple[str, ...], value: Any, place: str) -> Document:
    for part in reversed(location):
        value = {part: value}
    return merge(document, Document(value, "", {location: place}))


def _place_of(flag: str) -> str:
    """Return how a flag was given: as an option, or by which variable."""
    context = click.get_current_context(silent=True)
    if context is None or context.get_parameter_source(flag) is not click.core.ParameterSource.ENVIRONMENT:
        return f"--{flag.replace('_', '-')}"
    named = next(param.envvar for param in context.command.params if param.name == flag)
    return named if isinstance(named, str) and os.environ.get(named) else f"{context.auto_envvar_prefix}_{flag.upper()}"


def _value_of(flag: str, text: Any) -> Any:
    if flag == "gpus":
        named = [part.strip() for part in text.split(",") if part.strip()]
        return int(named[0]) if len(named) == 1 and named[0].isdecimal() else named
    return parse_scalar(text) if flag == "workers" else text


def profile_document(name: str) -> Document:
    """Return the settings of a shipped profile, or of a file if `name` has a suffix or a folder.

    Raises
    ------
    SpecError
        If there is no such profile, or it holds more than settings.
    """
    if name in PROFILES:
        from importlib.resources import files  # most commands name no profile

        text = files("arraymill.configs").joinpath(f"{name}.yaml").read_bytes()
        document = parse_yaml(text, f"profile {name}")
    elif Path(name).suffix or "/" in name:
        document = parse_yaml(read_text(name), name)
    else:
        cause = f"profiles are {', '.join(PROFILES)}, or a path such as ./{name}.yaml{suggest(name, PROFILES)}"
        raise SpecError(f"no profile is called {name!r}", cause=cause, next="arraymill run --help")
    if "op" in document.tree:
        next_step = f"run it (arraymill run {name}), or name a profile"
        raise SpecError(f"{name} is a job file, not a profile of settings", next=next_step)
    check_document(document, Settings)
    places = {at: f"{document.origin}, {place}" for at, place in document.places.items()}
    return Document(document.tree, document.origin, places)

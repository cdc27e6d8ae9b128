"""Brings a job together: its file, a profile of settings, and what was said on the command line.

Later parts win: shipped defaults, then `dask.config` (`arraymill.jobs.dask_config`), then the job file, then a profile
named with ``--config``, then variables (``ARRAYMILL_PRECISION``) and flags.
Every value remembers where it was written, so that an error names the line or the flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import SpecError
from .document import Document, merge
from .errors import explain_invalid, suggest
from .input import InputSpec
from .job_spec import JobSpec
from .scalar import parse_scalar
from .yaml import parse_yaml, read_text

__all__ = [
    "apply_overrides",
    "check_document",
    "load_spec",
    "load_spec_file",
    "ordered_inputs",
    "override",
]

_Model = TypeVar("_Model", bound=BaseModel)


def load_spec(text: str | bytes, origin: str) -> JobSpec:
    """Return the job that a YAML document states.

    Parameters
    ----------
    text : str or bytes
    origin : str
        What the document is called in messages.

    Raises
    ------
    SpecError
        If anything is wrong; everything that is wrong is listed, with line numbers.

    Examples
    --------
    >>> load_spec("{version: 1, op: sum, inputs: [x.npy]}", "job.yaml").op
    'sum'
    """
    return check_document(parse_yaml(text, origin), JobSpec)


def load_spec_file(path: str | Path) -> JobSpec:
    """Return the job that a YAML file states; errors are those of `load_spec`."""
    return load_spec(read_text(path), str(path))


def apply_overrides(spec: JobSpec, settings: Iterable[str]) -> JobSpec:
    """Return a job with single fields replaced, each written as ``KEY=VALUE`` with a dotted key.

    Raises
    ------
    SpecError
        If a setting has no ``=``, or the job that comes out is wrong.

    Examples
    --------
    >>> job = JobSpec(op="sum", inputs=["x.npy"])
    >>> apply_overrides(job, ["compute.precision=fast", "params.axis=0"]).params
    {'axis': 0}
    """
    document = Document(spec.model_dump(mode="json", exclude_unset=True), "the job")
    for setting in settings:
        document = override(document, setting)
    return check_document(document, JobSpec)


def check_document(document: Document, model: type[_Model]) -> _Model:
    """Return a document as a model; raise one SpecError that lists all that is wrong."""
    try:
        return model.model_validate(document.tree)
    except ValidationError as error:
        raise explain_invalid(error, model, document) from None


def override(document: Document, setting: str) -> Document:
    """Return a document with one field replaced: ``compute.precision=fast``, the value written as in YAML."""
    key, equals, text = setting.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        what = f"--set {setting}: not of the form KEY=VALUE"
        raise SpecError(what, next="for example --set compute.precision=fast")
    tree: Any = _parse_value(text.strip(), setting)
    for part in reversed(parts):
        tree = {part: tree}
    return merge(document, Document(tree, document.origin, {tuple(parts): f"--set {setting}"}))


def _parse_value(text: str, setting: str) -> Any:
    try:
        if text[:1] in ("[", "{", '"', "'"):
            return parse_yaml(f"value: {text}", f"--set {setting}").tree["value"]
        return parse_scalar(text)
    except ValueError as error:
        what = error.what if isinstance(error, SpecError) else f"--set {setting}"
        raise SpecError(what, cause=error.cause if isinstance(error, SpecError) else str(error)) from None


def ordered_inputs(spec: JobSpec, names: Sequence[str], *, variadic: bool = False) -> tuple[InputSpec, ...]:
    """Return a job's inputs in the order in which its operation takes them.

    Parameters
    ----------
    spec : JobSpec
    names : sequence of str
        The operation's names for its inputs. Inputs that were given as a list are taken by position.
    variadic : bool
        Whether the operation takes more inputs than it names; all are then taken as they stand.

    Raises
    ------
    SpecError
        If an input is missing, is one too many, or has a name that the operation does not know.

    Examples
    --------
    >>> job = JobSpec(op="matmul", inputs={"b": "b.npy", "a": "a.npy"})
    >>> [entry.path for entry in ordered_inputs(job, ("a", "b"))]
    ['a.npy', 'b.npy']
    """
    given, wanted = spec.inputs, " and ".join(names)
    by_position = all(name == str(position) for position, name in enumerate(given))
    if not (variadic or by_position):
        _refuse_unknown_inputs(spec, names)
    if len(given) != len(names) and not (variadic and len(given) > len(names)):
        plural = "s" * (len(names) != 1)
        what = f"{spec.op} takes {len(names)} input{plural} ({wanted}), and {len(given)} were given"
        raise SpecError(what, next=f"arraymill ops {spec.op}")
    if variadic or by_position:
        return tuple(given.values())
    return tuple(given[name] for name in names)


def _refuse_unknown_inputs(spec: JobSpec, names: Sequence[str]) -> None:
    for name in spec.inputs:
        if name not in names:
            cause = f"its inputs are {' and '.join(names)}{suggest(name, names)}"
            raise SpecError(f"{spec.op} has no input named {name!r}", cause=cause, next=f"arraymill ops {spec.op}")

"""The command line that does what a job did, from the job file that is kept with it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import JobError
from ..operations import OPERATIONS
from ..spec.job_spec import JobSpec, Settings
from ..spec.load import load_spec, ordered_inputs
from ..spec.scalar import parse_scalar

__all__ = ["repeat_command"]

_FLAGS = {
    "compute.device": "--device",
    "compute.precision": "--precision",
    "memory.host": "--memory",
    "memory.device": "--device-memory",
    "cluster.kind": "--cluster",
    "cluster.workers": "--workers",
    "fault.hash": "--hash",
}
"""Fields with an option of their own."""
_PLAIN = re.compile(r"[A-Za-z0-9_.+-]+")
_OTHERWISE = {"version", "name", "op", "steps", "inputs", "params", "output"}
"""Parts of a job that are said in words of their own; all others are sections of settings."""


def repeat_command(text: bytes, path: Path) -> str:
    """Return the command line that does what a job file says, as short as it can be said.

    A job of several steps, or with more to say of an input than its path, is started by its file.

    Parameters
    ----------
    text : bytes
        The job file, fully resolved.
    path : Path
        Where it lies.

    Examples
    --------
    >>> job = b"{op: sum, inputs: {x: {path: /data/x y.npy}}, params: {axis: 0, keepdims: true}, output: /out/t.npy}"
    >>> repeat_command(job, Path("/jobs/k3f9qzab/spec.yaml"))
    "arraymill run sum '/data/x y.npy' --axis 0 --keepdims -o /out/t.npy"
    """
    whole = shlex.join(["arraymill", "run", str(path)])
    try:
        spec = load_spec(text, str(path))
        return shlex.join(["arraymill", "run", *_words(spec)]) if _is_simple(spec) else whole
    except JobError:
        # of another version
        return whole


def _is_simple(spec: JobSpec) -> bool:
    inputs = (entry.model_dump(mode="json") for entry in spec.inputs.values())
    return spec.op in OPERATIONS and not spec.steps and all(isinstance(i.pop("path"), str) and not i for i in inputs)


def _words(spec: JobSpec) -> Iterator[str]:
    operation = OPERATIONS[spec.op]
    yield spec.op
    for entry in ordered_inputs(spec, operation.inputs, variadic=operation.variadic):
        yield str(entry.path)
    for name, value in spec.params.items():
        if value is not None:
            yield from _parameter(name, value)
    if spec.output is not None:
        yield from ("-o", spec.output.path)
        document = spec.output.model_dump(mode="json", exclude={"path", "if_exists"}, exclude_none=True)
        yield from (word for field, value in document.items() for word in _set(f"output.{field}", value))
        if spec.output.if_exists == "replace":
            yield "--force"
    if spec.name:
        yield from ("--name", spec.name)
    yield from _settings(spec)


def _parameter(name: str, value: Any) -> Iterator[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        yield f"--{flag}" if value else f"--no-{flag}"
    elif isinstance(value, dict) or (isinstance(value, list | tuple) and not _is_plain(value)) or value == "":
        yield from _set(f"params.{name}", value)
    else:
        yield from (f"--{flag}", ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


def _is_plain(values: Sequence[Any]) -> bool:
    """Return whether values may stand between commas: of one alone nobody could tell that it is a list."""
    return len(values) > 1 and all(_PLAIN.fullmatch(str(value)) and not isinstance(value, bool) for value in values)


def _settings(spec: JobSpec) -> Iterator[str]:
    usual = Settings().model_dump(mode="json")
    for section, fields in spec.model_dump(mode="json", exclude=_OTHERWISE).items():
        for field, value in (fields or {}).items():
            key = f"{section}.{field}"
            if value != usual.get(section, {}).get(field):
                yield from (_FLAGS[key], str(value)) if key in _FLAGS else _set(key, value)


def _set(key: str, value: Any) -> tuple[str, str]:
    return "--set", f"{key}={value if _is_word(value) else json.dumps(value)}"


def _is_word(value: Any) -> bool:
    """Return whether a value is text that is taken as it stands."""
    try:
        return isinstance(value, str) and bool(_PLAIN.fullmatch(value)) and parse_scalar(value) == value
    except ValueError:
        return False

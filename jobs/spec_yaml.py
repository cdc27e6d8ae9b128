"""Reads the YAML of job files: plain mappings, lists and scalars, each with the line on which it stands.

It is a strict part of YAML 1.2. Numbers are numbers (``1e-3`` too, which YAML 1.1 reads as text) and only
``true`` and ``false`` are booleans. What YAML readers disagree about, or what can blow a small file up, is
refused: ``yes`` and ``no``, duplicate keys, anchors and aliases, tags, several documents, deep nesting, large
files. The document is built from the parser's events, so no nesting of the input can exhaust the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .errors import SpecError
from .spec_document import Document, Location, spec_error

__all__ = ["parse_scalar", "parse_yaml", "read_text"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

_INT = re.compile(r"[-+]?[0-9]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {".nan": float("nan"), ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf")}
_AMBIGUOUS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def parse_scalar(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar.

    Raises
    ------
    ValueError
        If `text` is one of the words that YAML versions disagree about.

    Examples
    --------
    >>> [parse_scalar(text) for text in ("1e-3", "12", "true", "2026-11-01", "~")]
    [0.001, 12, True, '2026-11-01', None]
    """
    word = text.lower()
    if word in _AMBIGUOUS:
        meant = _AMBIGUOUS[word]
        raise ValueError(f'{text} is a boolean for some readers and text for others: write {meant}, or "{text}"')
    if word in _WORDS:
        return _WORDS[word]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def parse_yaml(text: str | bytes, origin: str) -> Document:
    """Return the content of a YAML document that holds one mapping.

    Parameters
    ----------
    text : str or bytes
        The document; bytes are UTF-8.
    origin : str
        What it is called in messages: its path.

    Raises
    ------
    SpecError
        If it is not YAML, not a mapping, or uses what the module's docstring refuses: all problems at once.

    Examples
    --------
    >>> document = parse_yaml("op: sum\\ninputs:\\n  - x.npy\\n", "job.yaml")
    >>> document.tree, document.place(("inputs", 0))
    ({'op': 'sum', 'inputs': ['x.npy']}, 'line 3')
    """
    decoded = _decode(text, origin)
    builder = _Builder()
    try:
        builder.read(yaml.parse(decoded, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        builder.problems.append(f"{where}not YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        builder.problems.append(f"not YAML: {str(error).splitlines()[0]}")
    if not builder.problems and not isinstance(builder.root, dict):
        builder.problems.append("it holds no mapping: a job file has lines such as `op: sum`")
    if builder.problems:
        raise spec_error(origin, builder.problems, next_step="arraymill schema shows what a job file may hold")
    return Document(builder.root, origin, builder.places)


def read_text(path: str | Path) -> bytes:
    """Return the bytes of a job file, one more than allowed at most: `parse_yaml` refuses that many.

    Raises
    ------
    SpecError
        If the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read", cause=error.strerror or str(error)) from None


def _decode(text: str | bytes, origin: str) -> str:
    if len(text) > MAX_BYTES:
        raise spec_error(origin, [f"it is longer than the {MAX_BYTES // 1024} KiB that a job file may have"])
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise spec_error(origin, [f"byte {error.start} is not UTF-8"]) from None


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else ""


class _Builder:
    """Builds the tree from the parser's events, with a stack of its own instead of recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.places: dict[Location, str] = {}
        self.problems: list[str] = []
        self._open: list[tuple[Location, Any]] = []
        self._key: list[str | None] = []
        self._documents = 0

    def read(self, events: Iterator[yaml.Event]) -> None:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    return self._refuse(event, "a second document: write one job per file")
            elif isinstance(event, yaml.AliasEvent):
                return self._refuse(event, f"an alias (*{event.anchor}): write the value again")
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()
                self._key.pop()
            elif isinstance(event, yaml.NodeEvent) and not self._add(event):
                return None
        return None

    def _refuse(self, event: yaml.Event, problem: str) -> None:
        self.problems.append(f"{_line(event)}: {problem}")

    def _add(self, event: Any) -> bool:
        """Take one scalar, list or mapping in; False if reading must stop."""
        if event.anchor is not None:
            self._refuse(event, f"an anchor (&{event.anchor}): write the value where it is used")
        if event.tag not in (None, "!"):
            self._refuse(event, f"a tag ({event.tag}): a job file holds plain values only")
        is_scalar = isinstance(event, yaml.ScalarEvent)
        if not is_scalar and len(self._open) >= MAX_DEPTH:
            self._refuse(event, f"more than {MAX_DEPTH} levels deep")
            return False
        if self._expects_key():
            if not is_scalar:
                self._refuse(event, "a key that is a list or a mapping: keys are words")
                return False
            self._take_key(event)
            return True
        value = self._scalar(event) if is_scalar else {} if isinstance(event, yaml.MappingStartEvent) else []
        location = self._place_value(event, value)
        if not is_scalar:
            self._open.append((location, value))
            self._key.append(None)
        return True

    def _expects_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][1], dict) and self._key[-1] is None

    def _take_key(self, event: yaml.ScalarEvent) -> None:
        location, container = self._open[-1]
        key = event.value
        if key in container:
            first = self.places[*location, key]
            self._refuse(event, f"{key!r} stands here for the second time (first: {first})")
        self._key[-1] = key
        self.places[*location, key] = _line(event)

    def _place_value(self, event: yaml.Event, value: Any) -> Location:
        if not self._open:
            self.root = value
            return ()
        parent, container = self._open[-1]
        if isinstance(container, list):
            location: Location = (*parent, len(container))
            container.append(value)
            self.places[location] = _line(event)
            return location
        key = self._key[-1]
        assert key is not None
        container[key], self._key[-1] = value, None
        return (*parent, key)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        # The first of `implicit` is true for a plain scalar: quoted text is text whatever it looks like.
        if not event.implicit[0]:
            return event.value
        try:
            return parse_scalar(event.value)
        except ValueError as error:
            self._refuse(event, str(error))
            return event.value

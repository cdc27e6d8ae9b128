"""Builds the tree of a job file from the events of PyYAML's parser; apart, since the command line needs no YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from .document import Location
from .scalar import parse_scalar

__all__ = ["MAX_DEPTH", "Builder"]

MAX_DEPTH = 20


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else ""


class Builder:
    """Builds the tree from the parser's events, with a stack of its own instead of recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.places: dict[Location, str] = {}
        self.problems: list[str] = []
        self._open: list[tuple[Location, Any]] = []
        self._key: list[str | None] = []
        self._documents = 0

    def read(self, text: str) -> None:
        """Read a document; what is wrong with it is among the `problems` then."""
        try:
            self._read(yaml.parse(text, Loader=yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"line {mark.line + 1}: " if mark else ""
            self.problems.append(f"{where}not YAML: {error.problem or error.context}")
        except yaml.YAMLError as error:
            self.problems.append(f"not YAML: {str(error).splitlines()[0]}")

    def _read(self, events: Iterator[yaml.Event]) -> None:
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

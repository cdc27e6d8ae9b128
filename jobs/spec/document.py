"""A tree of plain values that remembers where each was written: a line of a file, or a flag."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..errors import SpecError

__all__ = ["Document", "Location", "merge", "spec_error"]

Location: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A tree of plain values and the places they come from.

    Parameters
    ----------
    tree : dict
        The content.
    origin : str
        What the document is called in messages.
    places : dict
        Where each value was written, by its location: ``{("compute", "device"): "line 3"}``.
    """

    tree: dict[str, Any]
    origin: str
    places: dict[Location, str] = field(default_factory=dict)

    def place(self, location: Location) -> str:
        """Return where a value, or the innermost thing around it, was written; "" if that is not known."""
        for n in range(len(location), 0, -1):
            if location[:n] in self.places:
                return self.places[location[:n]]
        return ""


def spec_error(origin: str, problems: list[str], *, next_step: str = "") -> SpecError:
    """Return one error that lists every problem of a document."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    # The indent lines the problems up under the first one in the error's printed form.
    return SpecError(f"{origin}: {count}", cause=("\n" + " " * 9).join(problems), next=next_step)


def merge(under: Document, over: Document) -> Document:
    """Return a document in which the values of `over` win; it keeps the name of `under`.

    Examples
    --------
    >>> merge(Document({"memory": {"host": 1}}, "a"), Document({"memory": {"device": 2}}, "b")).tree
    {'memory': {'host': 1, 'device': 2}}
    >>> merge(Document({"inputs": ["x.bin"]}, "a"), Document({"inputs": {"0": {"dtype": "f4"}}}, "b")).tree
    {'inputs': [{'path': 'x.bin', 'dtype': 'f4'}]}
    """
    places = {at: place for at, place in under.places.items() if not _is_replaced(at, over.tree)}
    return Document(_merge_trees(under.tree, over.tree), under.origin, places | over.places)


def _merge_trees(under: Any, over: Any) -> Any:
    if not isinstance(over, dict):
        return over
    if isinstance(under, list) and all(key.isdecimal() and int(key) < len(under) for key in over):
        return [_merge_trees(item, over[str(n)]) if str(n) in over else item for n, item in enumerate(under)]
    if isinstance(under, str | list):
        # `output: c.npy` is short for {path: c.npy}: a second field beside it must not lose the path.
        under = {"path": under}
    if not isinstance(under, dict):
        return over
    return under | {key: _merge_trees(under.get(key), value) for key, value in over.items()}


def _is_replaced(location: Location, tree: Any) -> bool:
    for part in location:
        if not isinstance(tree, dict):
            return True
        if part not in tree:
            return False
        tree = tree[part]
    return not isinstance(tree, dict)

"""An input of a job as one source: what its paths name is opened, joined, and the part that is selected taken.

::

    paths ---> format of each ---> join_sources ---> select_source
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .input_formats import open_source
from .locations import is_pattern
from .source import Source

if TYPE_CHECKING:
    from ..spec.input import InputSpec

__all__ = ["open_input"]


def open_input(entry: InputSpec) -> Source:
    """Return an input of a job as a source; only headers are read.

    Parameters
    ----------
    entry : InputSpec
        One path, a pattern, or a list of them, each perhaps with the name of an array inside of it behind ``::``.

    Raises
    ------
    InputError
        If a file cannot be read, is broken, or is not worked on.
    SpecError
        If files do not fit together, or what is said of one is already in it.
    """
    paths = [path for text in _texts(entry) for path in _expand(text)]
    if isinstance(entry.path, str) and paths == [entry.path]:
        source = open_source(entry.path, entry)
    else:
        from .joined.source import join_sources

        name = entry.path if isinstance(entry.path, str) else ""
        source = join_sources([open_source(path, entry) for path in paths], entry.join, entry.axis, name=name)
    if entry.select is None:
        return source
    from .selected.source import select_source

    return select_source(source, entry.select)


def _texts(entry: InputSpec) -> tuple[str, ...]:
    return (entry.path,) if isinstance(entry.path, str) else entry.path


def _expand(text: str) -> tuple[str, ...]:
    if not is_pattern(text):
        return (text,)
    from .patterns import matching_paths

    return matching_paths(text)

"""Reads the YAML of job files: plain mappings, lists and scalars, each with the line on which it stands.

It is a strict part of YAML 1.2. Numbers are numbers (``1e-3`` too, which YAML 1.1 reads as text) and only
``true`` and ``false`` are booleans. What YAML readers disagree about, or what can blow a small file up, is
refused: ``yes`` and ``no``, duplicate keys, anchors and aliases, tags, several documents, deep nesting, large
files. The document is built from the parser's events, so no nesting of the input can exhaust the stack.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import SpecError
from .document import Document, spec_error

__all__ = ["parse_yaml", "read_text"]

MAX_BYTES = 256 * 1024


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
    from .yaml_builder import Builder

    builder = Builder()
    builder.read(decoded)
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

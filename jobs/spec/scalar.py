"""Reads single values of job files and of ``--set``: numbers, booleans, text."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["parse_scalar"]

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

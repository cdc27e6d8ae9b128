"""Writes a job as YAML for people to read: what is simple, as nearly every job is, without importing a YAML library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["format_yaml"]

_PLAIN = re.compile(r"[a-z][a-z_]+|/[A-Za-z0-9_./-]*")
_PLAIN_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+")
_WORDS = frozenset({"no", "off", "on", "yes", "true", "false", "null"})
"""What YAML 1.1 takes for something else than text."""


class _NotSimpleError(Exception):
    """Left to the library."""


def format_yaml(tree: Mapping[str, Any]) -> str:
    """Return a document of plain values as YAML, keys in their order.

    Examples
    --------
    >>> print(format_yaml({"op": "sum", "inputs": {"0": {"path": "/data/x.npy"}}, "params": {"axis": [0, 1]}}), end="")
    op: sum
    inputs:
      "0":
        path: /data/x.npy
    params:
      axis: [0, 1]
    """
    try:
        return "".join(f"{line}\n" for line in _lines(tree, "")) or "{}\n"
    except _NotSimpleError:
        import yaml  # 10 ms, which a job of milliseconds does not spend on a path without special characters

        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def _lines(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{_scalar(key)}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value not in _WORDS:
            return value
        # printable: YAML has JSON's two escapes that are left
        if value.isprintable():
            return json.dumps(value, ensure_ascii=False)
    elif value is None or isinstance(value, bool | int):
        return json.dumps(value)
    elif isinstance(value, float) and _PLAIN_FLOAT.fullmatch(repr(value)):
        return repr(value)
    raise _NotSimpleError

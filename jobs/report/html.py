"""Facts as a small table of HTML, which notebooks show; nothing in it is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

__all__ = ["html_table"]


def html_table(rows: Mapping[str, object]) -> str:
    """Return labels and values as a table; those without a value are left out.

    Examples
    --------
    >>> html_table({"job": "k3f9qzab", "output": "a<b.npy", "error": ""})
    '<table><tr><th>job</th><td>k3f9qzab</td></tr><tr><th>output</th><td>a&lt;b.npy</td></tr></table>'
    """
    said = {escape(label): escape(str(value)) for label, value in rows.items() if value != ""}
    return f"<table>{''.join(f'<tr><th>{label}</th><td>{value}</td></tr>' for label, value in said.items())}</table>"

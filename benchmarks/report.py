"""A run as text: JSON for machines, Markdown tables for people."""

from __future__ import annotations

import json
from dataclasses import asdict

from .results import CaseResult, Document, Row, Spread

__all__ = ["as_json", "as_markdown"]

_COLUMNS = (
    "contender",
    "seconds (min to max)",
    "whole process, s",
    "cluster start, s",
    "relative error",
    "seconds / arraymill's",
    "error / arraymill's",
    "efficiency",
)


def as_json(document: Document) -> str:
    """Return the document as JSON."""
    return json.dumps(asdict(document), indent=1, allow_nan=False) + "\n"


def as_markdown(document: Document) -> str:
    """Return the document as Markdown: the machine, its ceilings, and a table for each case."""
    return "\n".join([*_heading(document), *(line for case in document.cases for line in _table(case))])


def _heading(document: Document) -> list[str]:
    machine, ceilings = document.machine, document.ceilings
    cache = "cold" if document.cold else "warm"
    libraries = ", ".join(f"{name} {version}" for name, version in document.versions.items())
    sizes = ", sizes / 64" if document.quick else ""
    rates = (
        f"read {ceilings.read_gb_s:.1f} GB/s, products {ceilings.matmul_gflop_s:.0f} GFLOP/s, "
        f"write {ceilings.write_gb_s:.1f} GB/s"
    )
    return [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 1e9:.0f} GB. {libraries}.",
        f"{document.date}, median of {document.rounds}, page cache {cache}{sizes}.",
        f"Ceilings of this run, {ceilings.n_threads} threads: {rates}.",
    ]


def _table(case: CaseResult) -> list[str]:
    shapes = " @ ".join(f"{rows} x {columns}" for rows, columns in case.shapes)
    return [
        "",
        f"### {case.name}: {shapes}, {case.dtype}",
        "",
        _line(_COLUMNS),
        _line(["---", *["---:"] * (len(_COLUMNS) - 1)]),
        *(_line(_cells(row)) for row in case.rows),
    ]


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    # a contender's name says what kind of cluster it is
    chosen = [f"{key} {value}" for key, value in row.variant.items() if key != "cluster"]
    name = f"{row.contender} ({', '.join(chosen)})" if chosen else row.contender
    if row.error is not None:
        return [name, row.error, *["-"] * (len(_COLUMNS) - 2)]
    start = f"{row.start_s:.2f}" if row.start_s and row.start_s >= 0.01 else "-"
    return [
        name,
        _spread(row.seconds),
        f"{row.process_s.median:.2f}" if row.process_s else "-",
        start,
        _number(row.relative_error, ".1e"),
        _number(row.ratio, ".2f"),
        _number(row.error_ratio, ".3g"),
        _number(row.efficiency, ".2f"),
    ]


def _spread(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.median:.3f} ({spread.min:.3f} to {spread.max:.3f})"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

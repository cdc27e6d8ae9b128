"""How cost grows, as a picture: seconds against size, and against the number of tasks, with the fitted exponents."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from .contenders import ARRAYMILL
from .overhead import exponent
from .results import Document, merged

__all__ = ["save_growth_plot"]


def save_growth_plot(document: Document, path: Path) -> None:
    """Write both curves, if they were measured."""
    Figure = import_module("matplotlib.figure").Figure

    by_size, by_tasks = _by_size(document), _by_tasks(document)
    if not by_size and not by_tasks:
        return
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_xscale("log")
    right.set_xscale("log")
    for name, points in by_size.items():
        _draw(left, name, points)
    if by_tasks:
        _draw(right, "a job of so many tasks", by_tasks)
    for axes, label in ((left, "GiB read"), (right, "tasks on a warm cluster")):
        axes.set_yscale("log")
        axes.set_xlabel(label, fontsize=8)
        axes.set_ylabel("seconds", fontsize=8)
        axes.grid(which="major", linewidth=0.4, alpha=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.lines:
            axes.legend(fontsize=8, frameon=False)
    figure.suptitle(f"{document.machine.cpu}, {document.machine.cores} cores, {document.date}", fontsize=9)
    figure.savefig(path, dpi=150)


def _draw(axes: Any, name: str, points: list[tuple[float, float]]) -> None:
    sizes, seconds = [size for size, _ in points], [s for _, s in points]
    slope = f", exponent {exponent(sizes, seconds):.2f}" if len(points) > 1 else ""
    axes.plot(sizes, seconds, "o-", label=f"{name}{slope}")
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes], fontsize=8)
    axes.set_xticks([], minor=True)


def _by_size(document: Document) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for case in merged(document.runs):
        if case.group != "growth":
            continue
        rows, columns = case.shapes[0]
        seconds = next((row.seconds.median for row in case.rows if row.contender == ARRAYMILL and row.seconds), None)
        if seconds is not None:
            found.setdefault(case.operation, []).append((rows * columns * 4 / 2**30, seconds))
    return found


def _by_tasks(document: Document) -> list[tuple[float, float]]:
    figures = document.runs[-1].figures
    counts = sorted(int(name.split("_")[1]) for name in figures if name.startswith("tasks_") and name.endswith("_s"))
    return [(float(count), figures[f"tasks_{count}_s"]) for count in counts]

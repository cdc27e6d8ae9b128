"""A run as a picture: for each case, how many times arraymill's seconds each contender took."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from .contenders import ARRAYMILL
from .results import Document

__all__ = ["can_plot", "save_plot"]


def can_plot() -> bool:
    """Return whether matplotlib is installed: the extra `bench` brings it."""
    return find_spec("matplotlib") is not None


def save_plot(document: Document, path: Path) -> None:
    """Write bars of ratios on a logarithmic axis, if there is another contender; 1 is arraymill."""
    # loaded late and by name: only the extra `bench` brings it, for programs and for type checkers
    Figure = import_module("matplotlib.figure").Figure

    contenders = dict.fromkeys(row.contender for case in document.cases for row in case.rows)
    names = [name for name in contenders if name != ARRAYMILL]
    if not names:
        return
    figure = Figure(figsize=(8, 1 + 0.2 * len(names) * len(document.cases)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(names)
    for number, name in enumerate(names):
        found = [
            (place, row.ratio)
            for place, case in enumerate(document.cases)
            for row in case.rows
            if row.contender == name and row.ratio is not None
        ]
        places = [place + number * height for place, _ in found]
        axes.barh(places, [ratio - 1 for _, ratio in found], height, left=1, label=name)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(document.cases))])
    axes.set_yticklabels([case.name for case in document.cases])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("seconds / arraymill's seconds (right of 1: arraymill is faster)")
    axes.set_title(f"{document.machine.cpu}, {document.machine.cores} cores, {document.date}", fontsize="small")
    figure.legend(fontsize="small", loc="outside lower center", ncols=len(names))
    figure.savefig(path, dpi=150)

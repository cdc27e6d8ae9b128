"""A run as a picture: for each case, how many times arraymill's seconds each contender took."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .contenders import ARRAYMILL, CONTENDERS
from .results import CaseResult, Document, merged

__all__ = ["can_plot", "save_plot", "set_plain_ticks"]

_COLORS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#9c755f", "#e15759", "#76b7b2", "#bab0ac")
_GAP = 0.8
_BAR_INCH = 0.19


def can_plot() -> bool:
    """Return whether matplotlib is installed: the extra `bench` brings it."""
    return find_spec("matplotlib") is not None


def save_plot(document: Document, path: Path) -> None:
    """Write bars of ratios on a logarithmic axis, if there is another contender; 1 is arraymill."""
    # loaded late and by name: only the extra `bench` brings it, for programs and for type checkers
    Figure = import_module("matplotlib.figure").Figure

    cases = [(case, bars) for case in merged(document.runs) if (bars := _bars(case))]
    if not cases:
        return
    n_bars = sum(len(bars) for _, bars in cases)
    figure = Figure(figsize=(9, 1.4 + _BAR_INCH * (n_bars + _GAP * len(cases))), layout="constrained")
    axes = figure.subplots()
    colors = dict(zip([item.name for item in CONTENDERS if item.name != ARRAYMILL], _COLORS, strict=False))
    labelled: set[str] = set()
    ticks, place = [], 0.0
    for _, bars in cases:
        ticks.append(place + (len(bars) - 1) / 2)
        for name, ratio in bars:
            label = None if name in labelled else name
            labelled.add(name)
            axes.barh(place, ratio - 1, 0.86, left=1, color=colors.get(name, "gray"), label=label)
            inside = ratio < 1
            axes.annotate(
                f"{ratio:.3g}",
                (ratio, place),
                xytext=(-3 if inside else 3, 0),
                textcoords="offset points",
                ha="right" if inside else "left",
                va="center",
                fontsize=7,
            )
            place += 1
        place += _GAP
    axes.set_yticks(ticks, [case.name for case, _ in cases], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    set_plain_ticks(axes)
    axes.margins(x=0.12, y=0.01)
    axes.grid(axis="x", which="major", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvline(1, color="black", linewidth=0.9)
    axes.set_xlabel("seconds / arraymill's seconds (right of 1: arraymill is faster)", fontsize=9)
    axes.set_title(_title(document), fontsize=9)
    figure.legend(fontsize=8, loc="outside lower center", ncols=min(len(labelled), 7), frameon=False)
    figure.savefig(path, dpi=150)


def set_plain_ticks(axes: Any) -> None:
    """Let a logarithmic axis say 0.5, 1, 2 instead of powers of ten."""
    ticker = import_module("matplotlib.ticker")
    axes.xaxis.set_major_locator(ticker.LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.tick_params(axis="x", labelsize=8)


def _bars(case: CaseResult) -> list[tuple[str, float]]:
    return [(row.contender, row.ratio) for row in case.rows if row.contender != ARRAYMILL and row.ratio is not None]


def _title(document: Document) -> str:
    machine = document.machine
    where = machine.gpu or f"{machine.cpu}, {machine.cores} cores"
    rehearsed = ", sizes / 64" if document.quick else ""
    runs = f", median of {len(document.runs)} runs" if len(document.runs) > 1 else ""
    return f"{where}, {document.date}, file to file{runs}{rehearsed}"

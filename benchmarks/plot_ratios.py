"""The ratios as a picture: each divided by what it must be, with its goal, so that right of 1 is reached."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from .plot import set_plain_ticks
from .results import Document, Ratio

__all__ = ["save_ratio_plot"]

_COLORS = {"goal": "#2e7d32", "must": "#f28e2b", "missed": "#c62828", "rehearsed": "#888888"}
_ROW_INCH = 0.2


def save_ratio_plot(document: Document, path: Path) -> None:
    """Write a dot with its spread for each ratio that was measured, if any was."""
    Figure = import_module("matplotlib.figure").Figure

    ratios = [ratio for ratio in document.ratios if ratio.spread is not None]
    if not ratios:
        return
    figure = Figure(figsize=(10, 1.3 + _ROW_INCH * len(ratios)), layout="constrained")
    axes = figure.subplots()
    for place, ratio in enumerate(ratios):
        spread = ratio.spread
        assert spread is not None
        low, middle, high = sorted(_score(ratio, value) for value in (spread.min, spread.median, spread.max))
        color = _COLORS[ratio.met]
        axes.plot([low, high], [place, place], color=color, linewidth=2)
        axes.plot(middle, place, "o", color=color, markersize=5)
        axes.plot(_score(ratio, ratio.goal), place, "|", color="black", markersize=9)
        axes.annotate(
            f"{spread.median:.3g}",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            color=color,
        )
    axes.axvline(1, color="black", linewidth=0.9)
    axes.set_yticks(range(len(ratios)), [f"{ratio.row}: {ratio.what}" for ratio in ratios], fontsize=7)
    axes.set_ylim(len(ratios) - 0.3, -0.7)
    axes.set_xscale("log")
    set_plain_ticks(axes)
    axes.margins(x=0.08)
    axes.grid(axis="x", which="major", linewidth=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(
        "relative to what it must be (1): right is better; bars are goals, numbers at the margin the ratios themselves",
        fontsize=8,
    )
    colors = ", ".join(f"{word}: {name}" for word, name in (("green", "goal"), ("orange", "must"), ("red", "missed")))
    axes.set_title(f"{document.date}: ratios that are asked for ({colors})", fontsize=9)
    figure.savefig(path, dpi=150)


def _score(ratio: Ratio, value: float) -> float:
    """Return how far above what it must be a value is.

        >>> from .plot import set_plain_ticks
    from .results import Ratio
        >>> _score(Ratio("", "", 2.0, 1.0, True, None, ""), 1.0), _score(Ratio("", "", 2.0, 4.0, False, None, ""), 1.0)
        (2.0, 0.5)
    """
    tiny = 1e-3
    return ratio.must / max(value, tiny) if ratio.lower_is_better else max(value, tiny) / ratio.must

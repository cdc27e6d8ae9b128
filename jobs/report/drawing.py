"""What a chart is made of: coordinates and words, which the page's template turns into SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["LEFT", "PLOT_WIDTH", "WIDTH", "Bar", "Shape", "Tick", "box", "steps_path"]

WIDTH, LEFT = 1000, 96
PLOT_WIDTH = WIDTH - LEFT - 24
"""The right margin keeps the last label of the axis within the picture."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and its label."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled outline.

    Parameters
    ----------
    kind : str
        The class that gives it its colour.
    path : str
        In the commands of SVG's ``d``.
    """

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Bar:
    """Shapes that belong together, and what is said of them where the pointer rests.

    Parameters
    ----------
    shapes : tuple of Shape
    title : str
    """

    shapes: tuple[Shape, ...]
    title: str = ""


def box(x: float, y: float, width: float, height: float) -> str:
    """Return a rectangle as a path.

    >>> box(1, 2.25, 10, 4)
    'M1.0 2.2h10.0v4.0h-10.0z'
    """
    return f"M{x:.1f} {y:.1f}h{width:.1f}v{height:.1f}h-{width:.1f}z"


def steps_path(xs: Sequence[float], lower: Iterable[float], upper: Iterable[float]) -> str:
    """Return the area between two stairs as a path.

    Parameters
    ----------
    xs : sequence of float
        The edges of the steps: one more than there are steps.
    lower, upper : iterable of float
        The heights of the steps, downwards as SVG counts.

    Examples
    --------
    >>> steps_path([0, 5, 9], [8, 8], [2, 4])
    'M0.0 2.0H5.0V4.0H9.0V8.0H0.0z'
    """
    there = _stairs(zip(xs[1:], upper, strict=True))
    back = _stairs(reversed([*zip(xs[:-1], lower, strict=True)]))
    return f"M{xs[0]:.1f} {there.removeprefix('V')}{back}z"


def _stairs(steps: Iterable[tuple[float, float]]) -> str:
    """Return steps from where one is: up or down to each height, and on to its end."""
    path, end, height = "", "", ""
    for x, y in steps:
        # what looks as high as the step before is one with it
        if f"{y:.1f}" != height:
            height = f"{y:.1f}"
            path += f"{end}V{height}"
        end = f"H{x:.1f}"
    return path + end

"""How many bytes were read and written at each moment of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..engine import BlockRecord
from .axis import WorkAxis
from .drawing import LEFT, PLOT_WIDTH, Shape, Tick, steps_path
from .spread import spread
from .ticks import rate_ticks, time_ticks

__all__ = ["Throughput", "throughput_of"]

_N_BINS = 200
_TOP, _HEIGHT, _BOTTOM = 8.0, 120.0, 22.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """A drawing of the bytes per second over time, what was written stacked on what was read.

    Parameters
    ----------
    height, floor : str
        Of the picture, and where 0 is.
    areas : tuple of Shape
    ticks, rates : tuple of Tick
        Round times, and round rates.
    most_per_s : float
        Bytes per second in the part of the time when they were most.
    """

    height: str
    floor: str
    areas: tuple[Shape, ...]
    ticks: tuple[Tick, ...]
    rates: tuple[Tick, ...]
    most_per_s: float


def throughput_of(records: Sequence[BlockRecord], axis: WorkAxis) -> Throughput | None:
    """Return the drawing, or None of a job that has moved nothing.

    Parameters
    ----------
    records : sequence of BlockRecord
    axis : WorkAxis

    Notes
    -----
    When in a block its bytes moved is not recorded: they are spread evenly over its time.
    """
    bin_s = axis.total_s / _N_BINS
    starts = axis.places(record.started_s for record in records)
    ends = axis.places(record.started_s + record.wall_s for record in records)
    amounts = [record.bytes_read for record in records], [record.bytes_written for record in records]
    if bin_s <= 0 or not any(map(sum, amounts)):
        return None
    read, written = (spread(starts, ends, n, total=axis.total_s, n_bins=_N_BINS) / bin_s for n in amounts)
    most = float((read + written).max())
    rates = rate_ticks(most)
    scale = _HEIGHT / rates[-1][0]
    xs = np.linspace(LEFT, LEFT + PLOT_WIDTH, _N_BINS + 1).tolist()
    floor = _TOP + _HEIGHT
    low, high = (floor - read * scale).tolist(), (floor - (read + written) * scale).tolist()
    areas = [Shape("read", steps_path(xs, [floor] * _N_BINS, low)), Shape("write", steps_path(xs, low, high))]
    return Throughput(
        height=f"{floor + _BOTTOM:.1f}",
        floor=f"{floor:.1f}",
        areas=tuple(area for area, amount in zip(areas, amounts, strict=True) if any(amount)),
        ticks=tuple(
            Tick(f"{LEFT + PLOT_WIDTH * at / axis.total_s:.1f}", label) for at, label in time_ticks(axis.total_s)
        ),
        rates=tuple(Tick(f"{floor - rate * scale:.1f}", label) for rate, label in rates),
        most_per_s=most,
    )

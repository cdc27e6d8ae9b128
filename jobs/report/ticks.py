"""Round numbers along an axis, and how they are written."""

from __future__ import annotations

from ..durations import format_seconds
from ..sizes import format_bytes

__all__ = ["rate_ticks", "time_ticks"]

_MOST_TICKS = 8
_MOST_RATES = 4
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_ROUND_S = (
    *(digit * power for power in (1e-3, 1e-2, 1e-1, 1.0) for digit in (1, 2, 5)),
    *(10.0, 20.0, 30.0),
    *(n * _MINUTE for n in (1, 2, 5, 10, 20, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)


def time_ticks(total_s: float) -> list[tuple[float, str]]:
    """Return round moments from 0 to `total_s`, each with its label.

    >>> time_ticks(0.0021), time_ticks(95)[:3]
    ([(0.0, '0'), (0.001, '1 ms'), (0.002, '2 ms')], [(0.0, '0'), (20.0, '20 s'), (40.0, '40 s')])
    """
    step_s = next((step for step in _ROUND_S if total_s / step < _MOST_TICKS), total_s / _MOST_TICKS)
    return [(n * step_s, _label(n * step_s)) for n in range(int(total_s / step_s * (1 + 1e-9)) + 1)]


def rate_ticks(most: float) -> list[tuple[float, str]]:
    """Return round bytes per second above 0, the last not below `most`, each with its label.

    >>> rate_ticks(3.1e9)
    [(1000000000.0, '1.00 GB/s'), (2000000000.0, '2.00 GB/s'), (3000000000.0, '3.00 GB/s'), (4000000000.0, '4.00 GB/s')]
    """
    if most <= 0:
        return []
    # sums of rates are rounded
    most *= 1 - 1e-9
    powers = (10.0**power for power in range(-3, 20))
    step = next(digit * power for power in powers for digit in (1, 2, 5) if most / (digit * power) <= _MOST_RATES)
    n_steps = next(n for n in range(1, _MOST_RATES + 1) if n * step >= most)
    return [(n * step, f"{format_bytes(n * step)}/s") for n in range(1, n_steps + 1)]


def _label(seconds: float) -> str:
    if not seconds:
        return "0"
    label = format_seconds(seconds).replace(".0 s", " s")
    for nothing in (" 0 s", " 0 min", " 0 h"):
        label = label.removesuffix(nothing) if label != nothing.strip() else label
    return label

"""How a product on GPUs is cut into tasks: rectangles of C of a second or more, by shape and nominal rates alone.

A task reads the rows of A and the columns of B that its rectangle needs, so fewer and squarer rectangles read less, and
more of them keep more GPUs busy. The cut weighs both: the seconds of one GPU and those of a node of eight, which share
what the host can read. Neither memory nor the number of workers moves it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from ...blocks import ceil_div, even_chunk
from ...rates.workers import Rates

__all__ = ["EDGE", "Work", "choose_parts", "choose_rectangle"]

EDGE = 256
"""Sides of rectangles and tiles are multiples of this, or the whole side: what GPUs multiply at full speed."""
_LEAST_S, _MOST_S = 1.0, 30.0
"""Of a task. Shorter ones do not pay for reading panels again; longer ones lose too much when a worker dies."""
_MOST_TASKS = 64
"""So many are enough for the GPUs of a node, unless tasks are too long."""
_NODE = 8
_LEAST_PART_S = 0.5
_MOST_PARTS = 32
_MOST_PARTIAL_BYTES = 32 << 20
"""Of a partial product in float64, which returns to the driver."""


class Work(NamedTuple):
    """The size of a product.

    Parameters
    ----------
    m, n, k : int
    n_matrices : int
        So many products of this shape.
    flops : float
        Of one of them.
    in_itemsize : int
        Bytes per element of the wider operand.
    """

    m: int
    n: int
    k: int
    n_matrices: int
    flops: float
    in_itemsize: int

    @property
    def panels_bytes(self) -> int:
        """Bytes of both operands of one matrix."""
        return self.k * (self.m + self.n) * self.in_itemsize


def choose_rectangle(work: Work, rates: Rates) -> tuple[int, int]:
    """Return the rows and columns of C that one task computes.

    Examples
    --------
    >>> rates = Rates(8e9, 4e10, 1.5e9, 1.5e9, 4.5e13, 4.5e10, 4.5e10)
    >>> choose_rectangle(Work(32768, 32768, 32768, 1, 2 * 32768.0**3, 4), rates)
    (32768, 32768)
    >>> choose_rectangle(Work(65536, 65536, 65536, 1, 2 * 65536.0**3, 4), rates)
    (22016, 32768)
    """
    compute_s = work.flops / rates.flops
    whole_s = max(compute_s, work.panels_bytes / min(rates.read, rates.to_device))
    least = math.ceil(whole_s / _MOST_S)
    most = max(min(int(compute_s / _LEAST_S), ceil_div(_MOST_TASKS, work.n_matrices)), least, 1)

    def rank(cut: tuple[int, int]) -> tuple[float, ...]:
        rows, columns = cut
        missing = max(least - ceil_div(work.m, rows) * ceil_div(work.n, columns), 0)
        return missing, _cost_s(work, rates, rows, columns), -columns, -rows

    return min(_cuts(work, least, most), key=rank)


def choose_parts(work: Work, rates: Rates, n_tasks: int) -> int:
    """Return into how many ranges k is cut: more than 1 only where there are few tasks and reading a long k takes long.

    Parameters
    ----------
    work : Work
        Its m and n are those of one task.
    rates : Rates
    n_tasks : int

    Examples
    --------
    >>> rates = Rates(8e9, 4e10, 1.5e9, 1.5e9, 4.5e13, 4.5e10, 4.5e10)
    >>> choose_parts(Work(1, 1, 10**10, 1, 2e10, 4), rates, 1)
    20
    """
    partial_bytes = 8 * work.m * work.n
    if n_tasks >= _NODE or partial_bytes > _MOST_PARTIAL_BYTES:
        return 1
    seconds = max(work.flops / rates.flops, work.panels_bytes / min(rates.read, rates.to_device))
    parts = max(min(int(seconds / _LEAST_PART_S), _MOST_PARTS), ceil_div(int(seconds), int(_MOST_S)))
    return parts if parts > 1 and partial_bytes * parts <= work.panels_bytes else 1


def _cuts(work: Work, least: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield rectangles that make `least` to `most` tasks; of very many, only some."""
    for down in _steps(most):
        for across in sorted({ceil_div(number, down) for number in _steps(most) if number >= least}):
            rows = even_chunk(work.m, ceil_div(work.m, down), multiple=1)
            columns = even_chunk(work.n, ceil_div(work.n, across), multiple=1)
            yield _round(rows, work.m), _round(columns, work.n)


def _round(length: int, whole: int) -> int:
    return min(ceil_div(length, EDGE) * EDGE, whole)


def _steps(most: int) -> list[int]:
    """Return numbers from 1 to `most`, about 8 per doubling."""
    steps, number = [1], 1
    while number < most:
        number = min(max(number + 1, number * 12 // 11), most)
        steps.append(number)
    return steps


def _cost_s(work: Work, rates: Rates, rows: int, columns: int) -> float:
    """Return the seconds of one GPU, and those of a node of eight in GPU-seconds."""
    down, across = ceil_div(work.m, rows), ceil_div(work.n, columns)
    n_tasks = down * across * work.n_matrices
    task_s = work.flops / (rates.flops * down * across)
    in_bytes = work.n_matrices * work.k * work.in_itemsize * (work.m * across + work.n * down)
    return sum(
        n_gpus * max(ceil_div(n_tasks, n_gpus) * task_s, in_bytes / min(n_gpus * rates.read, rates.most_read))
        for n_gpus in (1, _NODE)
    )

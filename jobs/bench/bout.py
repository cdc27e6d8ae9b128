"""All contestants on all works: warm-up, interleaved turns, results held against each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contestant import Contestant, ContestantFailed
from .works import Work, make_inputs

__all__ = ["Bout", "Score", "contestants", "run_bout"]

_ON_CPU = ("numpy", "torch-cpu", "arraymill-cpu")
_ON_GPU = ("torch-gpu", "torch-gpu-resident", "arraymill-gpu")
_CLOSE = 1e-3
"""Results agree this well or one is wrong: NumPy's own float32 sums are off by a tenth of it."""


@dataclass(frozen=True, slots=True)
class Score:
    """One contestant's turns at one work.

    Parameters
    ----------
    contestant : str
    seconds : tuple of float
        Of each turn after the warm-up; empty if it is out.
    error : str or None
        Why it is out.
    """

    contestant: str
    seconds: tuple[float, ...]
    error: str | None = None

    @property
    def median_s(self) -> float:
        """Median of the turns.

        Examples
        --------
        >>> Score("numpy", (0.3, 0.1, 0.2)).median_s
        0.2
        """
        return statistics.median(self.seconds)

    @property
    def is_file_to_file(self) -> bool:
        """Whether it did the whole work: operands that are on the GPU already are only a bound for others."""
        return not self.contestant.endswith("resident")


@dataclass(frozen=True, slots=True)
class Bout:
    """One work, and everybody's score."""

    work: Work
    scores: tuple[Score, ...]


@dataclass(slots=True)
class _Entry:
    contestant: Contestant
    seconds: list[float]
    sample: list[float] | None = None
    error: str | None = None


def contestants(*, has_gpu: bool) -> tuple[str, ...]:
    """Return who takes part.

    Examples
    --------
    >>> contestants(has_gpu=False)
    ('numpy', 'torch-cpu', 'arraymill-cpu')
    """
    return _ON_CPU + (_ON_GPU if has_gpu else ())


def run_bout(
    works: Sequence[Work],
    folder: Path,
    *,
    names: Sequence[str],
    rounds: int,
    say: Callable[[str], object] = lambda line: None,
) -> list[Bout]:
    """Return the scores of all works.

    Parameters
    ----------
    works : sequence of Work
    folder : Path
        Where inputs and outputs lie.
    names : sequence of str
        Contestants, of `contestants`.
    rounds : int
        Turns of each after a warm-up, interleaved.
    say : callable
        Takes a line about each work.
    """
    with ExitStack() as stack:
        running = [stack.enter_context(Contestant(name)) for name in names]
        return [_compare(work, running, folder, rounds, say) for work in works]


def _compare(
    work: Work, running: Sequence[Contestant], folder: Path, rounds: int, say: Callable[[str], object]
) -> Bout:
    say(f"{work.name}: {work.text}")
    inputs = [str(path) for path in make_inputs(work, folder)]
    order = {"work": work.name, "operation": work.operation, "params": dict(work.params), "inputs": inputs}
    entries = [_Entry(contestant, []) for contestant in running]
    for number in range(rounds + 1):
        for entry in entries:
            _take_turn(entry, order, folder / "output.npy", is_warm_up=number == 0)
    expected = next((entry.sample for entry in entries if entry.sample is not None), None)
    return Bout(work, tuple(_score(entry, expected) for entry in entries))


def _take_turn(entry: _Entry, order: dict[str, Any], output: Path, *, is_warm_up: bool) -> None:
    if entry.error is not None:
        return
    output.unlink(missing_ok=True)
    try:
        answer = entry.contestant.take_turn({**order, "output": str(output)})
    except ContestantFailed as reason:
        entry.error = str(reason)
        return
    entry.sample = answer["sample"]
    if not is_warm_up:
        entry.seconds.append(answer["seconds"])


def _score(entry: _Entry, expected: list[float] | None) -> Score:
    name = entry.contestant.name
    if entry.error is not None:
        return Score(name, (), entry.error)
    if entry.sample is not None and expected is not None and not _agree(entry.sample, expected):
        return Score(name, (), "its result differs from the others'")
    return Score(name, tuple(entry.seconds))


def _agree(sample: list[float], expected: list[float]) -> bool:
    return all(math.isclose(found, wanted, rel_tol=_CLOSE) for found, wanted in zip(sample, expected, strict=True))

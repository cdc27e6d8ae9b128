"""What follows from the scores, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from .bout import Bout, Score

__all__ = ["recommend"]

_NAMES = {"reduction": "reductions", "product": "products", "chain": "elementwise chains"}
_ON_CPU, _ON_GPU = "the CPU", "the GPU"


def recommend(bouts: Sequence[Bout], *, has_gpu: bool) -> str:
    """Return where each kind of work belongs on this machine, for files in the page cache.

    Without a GPU it says which program is fastest; where the two best overlap in their spread, that they are equal.

    Examples
    --------
    >>> from .works import works_of
    >>> fast, slow = Score("arraymill-gpu", (1.0, 1.1)), Score("numpy", (3.0, 3.2))
    >>> recommend([Bout(works_of(1 << 20)[1], (slow, fast))], has_gpu=True)
    'For files in the page cache: products, use the GPU (arraymill-gpu, 3.0 times as fast as numpy).'
    """
    choose = _device_of if has_gpu else _program_of
    chosen: dict[str, list[str]] = {}
    for bout in bouts:
        chosen.setdefault(choose(bout), []).append(_NAMES[bout.work.name])
    parts = [f"{_and(works)}, {choice}" for choice, works in chosen.items()]
    return f"For files in the page cache{'' if has_gpu else ', without a GPU'}: {'; '.join(parts)}."


def _device_of(bout: Bout) -> str:
    on_gpu = _best([score for score in _whole(bout) if "gpu" in score.contestant])
    on_cpu = _best([score for score in _whole(bout) if "gpu" not in score.contestant])
    if on_gpu is None or on_cpu is None:
        return f"use {_ON_CPU if on_gpu is None else _ON_GPU}, the other failed"
    best, other = sorted((on_gpu, on_cpu), key=lambda score: score.median_s)
    if _overlap(best, other):
        return f"{_ON_CPU} and {_ON_GPU} take the same time"
    return f"use {_ON_GPU if best is on_gpu else _ON_CPU} ({_comparison(best, other)})"


def _program_of(bout: Bout) -> str:
    ranked = sorted(_whole(bout), key=lambda score: score.median_s)
    if not ranked:
        return "nothing worked"
    if len(ranked) == 1 or _overlap(ranked[0], ranked[1]):
        return f"{_and([score.contestant for score in ranked[:2]])} take the same time"
    return f"use {_comparison(ranked[0], ranked[1])}"


def _comparison(best: Score, other: Score) -> str:
    return f"{best.contestant}, {other.median_s / best.median_s:.1f} times as fast as {other.contestant}"


def _whole(bout: Bout) -> list[Score]:
    return [score for score in bout.scores if score.seconds and score.is_file_to_file]


def _best(scores: Sequence[Score]) -> Score | None:
    return min(scores, key=lambda score: score.median_s, default=None)


def _overlap(best: Score, other: Score) -> bool:
    return max(best.seconds) >= min(other.seconds)


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

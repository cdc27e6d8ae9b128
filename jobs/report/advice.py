"""What would make a job faster or safer next time, said only where its own figures show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..durations import format_seconds
from ..sizes import format_bytes

__all__ = ["STAGE_WORDS", "Findings", "advise"]

STAGE_WORDS = {
    "read": "reading",
    "to_device": "copying to the device",
    "compute": "computing",
    "from_device": "copying from the device",
    "write": "writing",
    "start": "starting and ending",
}
"""Stages as they are called in sentences."""

_MEMORY_RATE = 3e9
"""Bytes per second and worker: what comes faster was in memory already, for few disks give a single reader more."""
_MOST = 0.5
"""A stage that took less than half of the time leaves no one thing to blame."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The figures that advice is given from; as in `Report`.

    Parameters
    ----------
    bottleneck : str or None
    shares, rates : dict
        By stage: share of the busy seconds, and bytes per busy second.
    device, precision : str
    n_workers, n_blocks : int
    wall_s, working_s, overlap : float
    retries, splits, deaths, timeouts : int
    """

    bottleneck: str | None
    shares: Mapping[str, float]
    rates: Mapping[str, float]
    device: str
    precision: str
    n_workers: int
    n_blocks: int
    wall_s: float
    working_s: float
    overlap: float
    retries: int = 0
    splits: int = 0
    deaths: int = 0
    timeouts: int = 0


def advise(found: Findings) -> tuple[str, ...]:
    """Return sentences: first about speed, then about what went wrong on the way.

    Examples
    --------
    >>> found = Findings("read", {"read": 0.86}, {"read": 4e8}, "cpu", "standard", 4, 32, 10.0, 9.0, 3.9)
    >>> print(*advise(found), sep="\\n")
    86 % of the time went into reading, at 400 MB/s per worker: the disk is the limit; more workers will not help
    """
    return (*_about_speed(found), *_about_faults(found))


def _about_speed(found: Findings) -> Iterator[str]:
    stage = found.bottleneck
    if stage == "start":
        idle_s = found.wall_s - found.working_s
        yield (
            f"{format_seconds(idle_s)} of {format_seconds(found.wall_s)} went into starting and ending, not into blocks: "
            "small jobs are faster with --cluster inline, or on a cluster that is kept warm (arraymill cluster start)"
        )
        return
    if 1 < found.n_blocks < found.n_workers:
        yield f"{found.n_blocks} blocks for {found.n_workers} workers: {found.n_workers - found.n_blocks} had none"
    if stage is None or found.shares[stage] < _MOST:
        return
    share = f"{100 * found.shares[stage]:.0f} % of the time went into {STAGE_WORDS[stage]}"
    yield f"{share}{_LIMITS[stage](found)}"


def _reading(found: Findings) -> str:
    rate = found.rates.get("read", 0.0)
    if rate < _MEMORY_RATE:
        return f", at {_rate(rate)} per worker: the disk is the limit; more workers will not help"
    return f", at {_rate(rate)} per worker: it came from memory, and only more workers or fewer bytes are faster"


def _writing(found: Findings) -> str:
    return f", at {_rate(found.rates.get('write', 0.0))} per worker: the output's disk is the limit; try another one"


def _computing(found: Findings) -> str:
    if found.device == "cuda":
        cheaper = "" if found.precision == "fast" else ", and so would --precision fast where TF32 is accurate enough"
        return f": the GPU is the limit; more GPUs would help{cheaper}"
    busy = min(found.overlap / max(found.n_workers, 1), 1.0)
    if found.n_workers > 1 and busy < _MOST:
        return f", but only {found.overlap:.1f} of {found.n_workers} workers were busy: blocks may be too few or too large"
    return ": more workers, on more cores, or a GPU would help"


def _linking(found: Findings) -> str:
    return ": the link to the GPU is the limit; compare with --device cpu"


_LIMITS = {
    "read": _reading,
    "to_device": _linking,
    "compute": _computing,
    "from_device": _linking,
    "write": _writing,
}


def _about_faults(found: Findings) -> Iterator[str]:
    if found.splits:
        yield (
            f"memory ran out {_times(found.splits)} and blocks were halved: a smaller --memory or --device-memory "
            "plans smaller blocks from the start"
        )
    if found.deaths:
        yield f"workers died {_times(found.deaths)}: the logs of the workers may say why"
    if found.timeouts:
        yield f"blocks hung {_times(found.timeouts)} and their workers were replaced"
    if found.retries:
        yield f"blocks were tried again {_times(found.retries)}: look at the disks if that was reading or writing"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _rate(bytes_per_s: float) -> str:
    return f"{format_bytes(bytes_per_s)}/s"

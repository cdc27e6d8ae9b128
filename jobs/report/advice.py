"""What would make a job faster or safer next time, said only where its own figures show it."""

from __future__ import annotations

from collections.abc import Iterator

from ..durations import format_seconds
from ..sizes import format_bytes
from .report import SHORT_S, STAGE_WORDS, Report, StageTime

__all__ = ["advise"]

_MEMORY_RATE = 3e9
"""Bytes per second and worker: what comes faster was in memory; of what comes slower, nobody can tell where it was."""
_NO_HELP = "faster computing will not help"
_MOST = 0.5
"""A stage that took less than half of the time leaves no one thing to blame."""
_NEAR = 0.7
"""From this part of its ceiling on, a stage is as fast as it gets."""


def advise(report: Report) -> tuple[str, ...]:
    """Return sentences: first about speed, then about what went wrong on the way."""
    return (*_about_speed(report), *_about_faults(report))


def _about_speed(report: Report) -> Iterator[str]:
    stage = report.bottleneck
    if stage == "start":
        yield _starting(report)
        return
    if report.wall_s < SHORT_S:
        return
    if 1 < report.n_blocks < report.n_workers:
        yield f"{report.n_blocks} blocks for {report.n_workers} workers: {report.n_workers - report.n_blocks} had none"
    for time in report.stages:
        if time.name == stage and time.share >= _MOST:
            yield f"{100 * time.share:.0f} % of the time went into {STAGE_WORDS[stage]}{_LIMITS[stage](report, time)}"


def _starting(report: Report) -> str:
    idle_s = format_seconds(report.wall_s - report.working_s)
    said = f"{idle_s} of {format_seconds(report.wall_s)} went into starting and ending, not into blocks"
    if report.is_tiny:
        return f"{said}: the job is too small to tune"
    if report.place == "inline":
        return f"{said}: into opening and checking the inputs, and into checking and publishing the output"
    return f"{said}: small jobs are faster with --cluster inline, or on a warm cluster (arraymill cluster start)"


def _reading(report: Report, time: StageTime) -> str:
    rate, part = time.bytes_per_s or 0.0, _measured_part(report, time)
    if part is not None and part >= _NEAR:
        return f", at {_rate(rate)} per worker{_said(part)}: only fewer bytes, or another machine, are faster"
    if (rate < _MEMORY_RATE) if part is None else (part < _MOST):
        limit = "the disk, or the memory that caches it, is the limit"
        known = "it came from the disk, or other programs took the cores"
        return f", at {_rate(rate)} per worker{_said(part)}: {limit if part is None else known}; {_NO_HELP}"
    return f", at {_rate(rate)} per worker{_said(part)}: it came from memory; more workers, or fewer bytes, are faster"


def _writing(report: Report, time: StageTime) -> str:
    part = _measured_part(report, time)
    rate = f", at {_rate(time.bytes_per_s or 0.0)} per worker{_said(part)}"
    return f"{rate}: the output's disk is the limit; {_NO_HELP}"


def _computing(report: Report, time: StageTime) -> str:
    if report.device == "cuda":
        is_fast = report.precision.startswith("fast")
        cheaper = "" if is_fast else ", and so would --precision fast where TF32 is accurate enough"
        return f": the GPU is the limit; more GPUs would help{cheaper}"
    busy = min(report.overlap / max(report.n_workers, 1), 1.0)
    if report.n_workers > 1 and busy < _MOST:
        return f", but only {report.overlap:.1f} of {report.n_workers} workers were busy: there are too few blocks"
    part = _measured_part(report, time)
    if part is not None and part < _MOST:
        return f"{_said(part)}: other programs took the cores, or the blocks are small or narrow"
    return f"{_said(part)}: more workers, on more cores, or a GPU would help"


def _measured_part(report: Report, time: StageTime) -> float | None:
    """Return which part of its ceiling a stage reached, None where that is not this machine's own."""
    return time.of_ceiling if report.ceilings == "measured" else None


def _said(part: float | None) -> str:
    return "" if part is None else f", {100 * part:.0f} % of what this machine reaches"


def _linking(report: Report, time: StageTime) -> str:
    return ": the link to the GPU is the limit; compare with --device cpu"


_LIMITS = {
    "read": _reading,
    "to_device": _linking,
    "compute": _computing,
    "from_device": _linking,
    "write": _writing,
}


def _about_faults(report: Report) -> Iterator[str]:
    if report.splits:
        yield (
            f"memory ran out {_times(report.splits)} and blocks were halved: a smaller --memory or --device-memory "
            "plans smaller blocks from the start"
        )
    if report.deaths:
        yield f"workers died {_times(report.deaths)}: the logs of the workers may say why"
    if report.timeouts:
        yield f"blocks hung {_times(report.timeouts)} and their workers were replaced"
    if report.retries:
        yield f"blocks were tried again {_times(report.retries)}: look at the disks if that was reading or writing"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _rate(bytes_per_s: float) -> str:
    return f"{format_bytes(bytes_per_s)}/s"

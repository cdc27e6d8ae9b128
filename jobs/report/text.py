"""A report as lines of text, and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..durations import format_seconds
from ..sizes import format_bytes
from .report import STAGE_WORDS, Report, StageTime

__all__ = ["report_facts", "report_text", "stage_rows", "to_json"]

_BAR_WIDTH = 24
_LEAST_SHARE = 0.005
"""What took less is left out of the table."""


def report_text(report: Report) -> str:
    """Return a report as a table for people; names in it are as they were given, control characters too."""
    rows = [*report_facts(report)]
    width = max(len(label) for label, _ in rows)
    lines = [f"  {label:<{width}}  {text}" for label, text in rows]
    stages = _stage_table(report)
    advice = [f"  {sentence}" for sentence in report.advice]
    return "\n".join([*lines, *(["", *stages] if stages else []), *(["", *advice] if advice else [])])


def to_json(report: Report) -> dict[str, Any]:
    """Return a report as a document of JSON's types."""
    document = asdict(report)
    document["stages"] = [
        asdict(stage) | {"bytes_per_s": stage.bytes_per_s, "flops_per_s": stage.flops_per_s} for stage in report.stages
    ]
    rates = {"bytes_per_s": report.bytes_per_s, "flops_per_s": report.flops_per_s}
    return {"schema": 1} | document | rates | {"advice": list(report.advice)}


def report_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield labels and what is said of a job under them."""
    yield "operation", f"{report.operation}, {_place(report)}"
    yield "blocks", _blocks(report)
    if report.verified:
        yield "verified", _verified(report)
    yield "time", _time(report)
    if report.n_done:
        yield (
            "moved",
            (
                f"{format_bytes(report.bytes_read)} read, {format_bytes(report.bytes_written)} written, "
                f"{format_bytes(report.bytes_per_s)}/s"
            ),
        )
        yield "computed", _computed(report)
        yield "memory", _memory(report)
    if report.eta is not None and not report.is_tiny:
        yield "efficiency", _efficiency(report)
    if report.bottleneck is not None:
        yield "bottleneck", STAGE_WORDS[report.bottleneck]


def _place(report: Report) -> str:
    device = "GPU" if report.device == "cuda" else "CPU"
    return f"{device}, {report.place}, {_count(report.n_workers, 'worker')}"


def _blocks(report: Report) -> str:
    faults = {
        "retries": report.retries,
        "splits": report.splits,
        "worker deaths": report.deaths,
        "timeouts": report.timeouts,
        "skipped": report.holes,
    }
    said = [f"{n} {name}" for name, n in faults.items() if n] or ["no retries, splits, deaths or timeouts"]
    return f"{report.n_done} of {report.n_blocks} done; " + ", ".join(said)


def _verified(report: Report) -> str:
    """Return what the job's own checks found in one line."""
    findings = [finding for step in report.verified for finding in step["findings"]]
    wrong = [finding for finding in findings if not finding["ok"]]
    if wrong:
        place = f"[{', '.join(map(str, wrong[0]['index'] or ()))}]"
        return f"WRONG: {wrong[0]['output']}{place} is {wrong[0]['found']}, and {wrong[0]['expected']} by NumPy"
    n_checked = sum(finding["checked"] for finding in findings)
    share = max((float(finding["of_bound"]) for finding in findings), default=0.0)
    left = [step["step"] or step["operation"] for step in report.verified if step["reason"]]
    text = f"{_count(n_checked, 'element')} against NumPy in float64: the largest error is {share:.2g} of its bound"
    return text + (f"; not checked: {', '.join(left)}" if left else "")


def _time(report: Report) -> str:
    if report.n_attempts > 1:
        return f"{format_seconds(report.working_s)} in which blocks ran, in {report.n_attempts} attempts"
    other_s = max(report.wall_s - report.working_s, 0.0)
    return f"{format_seconds(report.wall_s)}, {format_seconds(other_s)} of it to start and to end"


def _computed(report: Report) -> str:
    rate = f"{_flops(report.flops)}, {_flops(report.flops_per_s)}/s"
    return f"{rate}; {report.overlap:.1f} blocks side by side on average"


def _memory(report: Report) -> str:
    host = (
        f"{format_bytes(report.peak_host_bytes)} in the largest process; planned "
        f"{format_bytes(report.planned_host_bytes)} each, {format_bytes(report.budget_host_bytes)} for all"
    )
    if not report.planned_device_bytes:
        return host
    device = f"{format_bytes(report.peak_device_bytes)} on the GPU, planned {format_bytes(report.planned_device_bytes)}"
    return f"{host}; {device}"


def _efficiency(report: Report) -> str:
    alone = f"the slowest stage alone would take {format_seconds(report.predicted_s)} at {report.ceilings} rates"
    return f"{_percent(report.eta or 0.0)} ({alone}; this took {format_seconds(report.wall_s)})"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _stage_table(report: Report) -> list[str]:
    rows = [] if report.is_tiny else stage_rows(report)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {name:<{widths[0]}}  {busy:>{widths[1]}}  {share:>{widths[2]}}  {bar:<{widths[3]}}"
        f"  {amount:>{widths[4]}}  {rate:>{widths[5]}}  {ceiling:>{widths[6]}}".rstrip()
        for name, busy, share, bar, amount, rate, ceiling in rows
    ]


def stage_rows(report: Report) -> list[tuple[str, str, str, str, str, str, str]]:
    """Return the stages as a table, headings first; [] where no stage took any time worth a row."""
    shown = [stage for stage in report.stages if stage.share >= _LEAST_SHARE]
    head = ("stage", "busy", "share", "", "amount", "per worker", f"{report.ceilings} ceiling")
    return [head, *map(_stage_row, shown)] if shown else []


def _stage_row(stage: StageTime) -> tuple[str, str, str, str, str, str, str]:
    said = _flops if stage.flops is not None else format_bytes
    amount = stage.n_bytes if stage.n_bytes is not None else stage.flops
    rate = stage.bytes_per_s if stage.n_bytes is not None else stage.flops_per_s
    return (
        STAGE_WORDS[stage.name],
        format_seconds(stage.busy_s),
        f"{100 * stage.share:.0f} %",
        "#" * round(_BAR_WIDTH * stage.share),
        said(amount) if amount else "",
        f"{said(rate)}/s" if rate else "",
        f"{said(stage.ceiling)}/s" if stage.ceiling and rate else "",
    )


def _flops(n: float) -> str:
    return format_bytes(n).replace("B", "FLOP")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"

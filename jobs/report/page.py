"""The receipt of a job to look at: one file of HTML that needs nothing else.

The charts are SVG, written by this package, and there is no script: a page takes some tens of kilobytes and the time of
filling in a template. With bokeh's library inlined each would take 4 MB, and seconds to import; with the library from a
server it would not open on a node without network, nor in ten years.

All that comes from a job (names, paths, messages of errors) is hostile: the template escapes it, what cannot be printed
is written as an escape, and the page forbids browsers to run or load anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from ..durations import format_seconds
from ..engine import BlockRecord
from ..sizes import format_bytes
from ..store import JobFolder, JobState, Settled
from .assembly import report_of
from .axis import work_axis
from .drawing import LEFT, PLOT_WIDTH, WIDTH
from .report import STAGE_WORDS, Report
from .subject import array_rows, moment_rows, parameter_rows, step_rows
from .text import report_facts, stage_rows
from .throughput import throughput_of
from .timeline import timeline_of
from .troubles import troubles_of

__all__ = ["GENERATOR", "MemoryBar", "report_page"]

GENERATOR = "arraymill report"
"""What a page says of itself: a file that says so may be replaced by another page."""
_MOST_TROUBLES = 100
_STAGE_NAMES = STAGE_WORDS | {"other": "anything else"}


@dataclass(frozen=True, slots=True)
class MemoryBar:
    """An amount of memory beside others.

    Parameters
    ----------
    label, size : str
    percent : str
        Of the largest of them.
    is_peak : bool
        It was measured; else it was planned.
    """

    label: str
    size: str
    percent: str
    is_peak: bool


def report_page(folder: JobFolder, state: JobState, settled: Settled, *, command: str, job_file: str) -> str:
    """Return the page of a job that has a plan; the same for the same records.

    Parameters
    ----------
    folder : JobFolder
    state : JobState
    settled : Settled
    command : str
        The command line that does the same again.
    job_file : str
        The job, as text for people.
    """
    plan = settled.plan
    assert plan is not None
    report = report_of(state, settled, plan)
    by_block = {block: BlockRecord.from_json(record) for block, record in settled.done.items()}
    records = tuple(by_block.values())
    axis = work_axis(records, settled.events, state)
    troubles = troubles_of(settled.events, axis)
    stages = stage_rows(report)
    return _template(
        generator=GENERATOR,
        job_id=folder.id,
        folder=str(folder.path),
        command=command,
        job_file=job_file,
        state=state,
        report=report,
        plan=plan,
        error=state.error if state.status != "DONE" or settled.holes else None,
        cards=tuple(_cards(report)),
        facts=tuple(report_facts(report)),
        stage_head=stages[0] if stages else (),
        stages=tuple(zip(stages[1:], _shown_stages(report), strict=False)),
        arrays=array_rows(plan, state.output),
        parameters=parameter_rows(plan),
        moments=moment_rows(state),
        steps=step_rows(plan, settled, by_block),
        memory=_memory(report),
        timeline=timeline_of(records, settled.events, axis) if records else None,
        throughput=throughput_of(records, axis),
        troubles=troubles[:_MOST_TROUBLES],
        n_more_troubles=max(len(troubles) - _MOST_TROUBLES, 0),
        stage_names=_STAGE_NAMES,
        width=WIDTH,
        left=LEFT,
        right=LEFT + PLOT_WIDTH,
        rate=lambda bytes_per_s: f"{format_bytes(bytes_per_s)}/s",
    )


def _template(**values: Any) -> str:
    source = files(__package__).joinpath("page.html").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_printable, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(values)


def _printable(value: object) -> object:
    """Return text with everything that could hide, or is no Unicode, written as an escape; anything else as it is."""
    if type(value) is not str or value.isprintable():
        return value
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in value)


def _shown_stages(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the names of the stages that have a row, and their shares in percent."""
    words = {row[0] for row in stage_rows(report)[1:]}
    return tuple((s.name, f"{100 * s.share:.1f}") for s in report.stages if STAGE_WORDS[s.name] in words)


def _cards(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what matters most: labels and values."""
    yield "time in blocks" if report.n_attempts > 1 else "time", format_seconds(report.wall_s)
    yield "blocks", f"{report.n_done} of {report.n_blocks}"
    if report.eta is not None and not report.is_tiny:
        yield "efficiency", f"{100 * report.eta:.2g} %" if report.eta < 0.1 else f"{100 * report.eta:.0f} %"
    if report.bottleneck is not None:
        yield "bottleneck", STAGE_WORDS[report.bottleneck]
    if report.n_done:
        yield "throughput", f"{format_bytes(report.bytes_per_s)}/s"
        yield "largest process", format_bytes(report.peak_host_bytes)


def _memory(report: Report) -> tuple[tuple[MemoryBar, ...], ...]:
    """Return bars of the memory of the host and, if one was used, of the GPU."""
    host = {
        "largest process": report.peak_host_bytes,
        "planned for a process": report.planned_host_bytes,
        "budget of all processes": report.budget_host_bytes,
    }
    device = {"most on a GPU": report.peak_device_bytes, "planned on a GPU": report.planned_device_bytes}
    return tuple(_bars(sizes) for sizes in (host, device if report.planned_device_bytes else {}) if any(sizes.values()))


def _bars(sizes: Mapping[str, int]) -> tuple[MemoryBar, ...]:
    most, first = max(sizes.values()), next(iter(sizes))
    return tuple(
        MemoryBar(label, format_bytes(n_bytes), f"{100 * n_bytes / most:.1f}", label == first)
        for label, n_bytes in sizes.items()
    )

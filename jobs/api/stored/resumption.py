"""What resuming a job would do, and why: which blocks are done, stale or missing, and what has changed since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...arrays import Change, Fingerprint, compare_fingerprints, fingerprint_again, output_file, partial_path
from ...errors import InputChangedError, JobError, SpecError
from ...job import Job, open_job
from ...plans.chain_plan import AnyPlan, ChainPlan
from ...plans.chain_record import restore_job_plan
from ...spec.job_spec import JobSpec
from ...stages.inputs import blocks_reading
from ...store import JobFolder, Settled, read_settled, read_state
from ...versions import changed_versions, current_versions
from .creation import absolute_spec, read_spec

__all__ = ["Assessment", "assess", "assess_job", "check_spec", "spec_digest"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """How far a job has come and what resuming it would do.

    Parameters
    ----------
    n_blocks : int
        0 where no plan was made yet.
    done : frozenset of int
        Blocks that would not run again.
    stale : dict of int to str
        Blocks that were done and would run again, each with the reason.
    missing : frozenset of int
        Blocks that were never done.
    changes : tuple of str
        What is not as it was when the job began: inputs, versions, the output.
    refusal : JobError or None
        Why the job is not resumed unless the changes are accepted.
    why : str
        In one sentence, what resuming would do.
    """

    n_blocks: int
    done: frozenset[int]
    stale: Mapping[int, str]
    missing: frozenset[int]
    changes: tuple[str, ...]
    refusal: JobError | None
    why: str


def assess(folder: JobFolder) -> Assessment:
    """Return what resuming a job would do; nothing is changed, and of the arrays only samples are read.

    Raises
    ------
    JobError
        If an input cannot be opened, or is another array.
    """
    settled = read_settled(folder)
    if settled.plan is None:
        return _not_begun(read_state(folder).reason)
    job = open_job(read_spec(folder))
    check_spec(job, settled.plan)
    return assess_job(folder, job, restore_job_plan(job, settled.plan), settled)


def spec_digest(spec: JobSpec) -> str:
    """Return the SHA-256 of what a job says of its answer: how much of the machine it may use is not in it."""
    settings = {"version", "name", "memory", "cluster", "fault", "verify"}
    return hashlib.sha256(absolute_spec(spec).model_dump_json(exclude=settings).encode()).hexdigest()


def check_spec(job: Job, record: Mapping[str, Any]) -> None:
    """Check that a job is still the one that began.

    Raises
    ------
    SpecError
        If its file says something else: its blocks would be parts of two answers.
    """
    if record.get("spec") not in (None, spec_digest(job.spec)):
        raise SpecError(
            "the job is another than the one that began",
            cause="spec.yaml in its folder was changed, or is damaged",
            safe="the blocks that are done were not touched",
            next="put it back as it was, or submit it as a new job",
        )


def assess_job(folder: JobFolder, job: Job, plan: AnyPlan, settled: Settled) -> Assessment:
    """Return what resuming a job would do, its inputs being open already."""
    assert settled.plan is not None
    stale: dict[int, str] = {}
    changes: list[str] = []
    before = tuple(Fingerprint.from_json(record) for record in settled.plan["fingerprints"])
    found = [
        compare_fingerprints(old, fingerprint_again(old, source))
        for old, source in zip(before, job.sources, strict=True)
    ]
    for number, (old, change) in enumerate(zip(before, found, strict=True)):
        touched = _touched_blocks(plan, job, number, change)
        if sentence := _describe(old.name, change, touched):
            changes.append(sentence)
            stale |= {block: sentence for block in touched & settled.done.keys() if block not in stale}
    versions = changed_versions(settled.plan["versions"], current_versions(plan.limits.device))
    changes.extend(versions)
    refusal = _refusal(changes) if versions or any(map(_matters, found)) else None
    if (lost := _lost_output(folder, job, plan)) is not None:
        changes.append(lost)
        stale |= {block: lost for block in settled.done.keys() - settled.partials.keys() if block not in stale}
    done = frozenset(settled.done.keys() - stale.keys())
    missing = frozenset(range(plan.n_blocks)) - settled.done.keys() - settled.holes
    why = _why(plan.n_blocks, len(done), stale, len(missing))
    return Assessment(plan.n_blocks, done, stale, missing, tuple(changes), refusal, why)


def _not_begun(reason: str) -> Assessment:
    why = f"no block has run: {reason}" if reason else "no block has run, and the plan is not made yet"
    return Assessment(0, frozenset(), {}, frozenset(), (), None, why)


def _touched_blocks(plan: AnyPlan, job: Job, number: int, change: Change) -> frozenset[int]:
    """Return the blocks whose input may be another than it was."""
    if not change.fields:
        return frozenset()
    if isinstance(plan, ChainPlan):
        # what a step reads may be made of all of an input
        return frozenset(range(plan.n_blocks)) if _matters(change) else frozenset()
    if not change.is_proven or "header" in change.fields:
        # between the samples anything may have changed; and where elements begin is part of the header
        return frozenset(range(plan.n_blocks))
    return frozenset(blocks_reading(plan.stage, job.sources, number, change.changed_ranges))


def _describe(name: str, change: Change, touched: frozenset[int]) -> str:
    """Return what changed of an input: ``input x.npy changed: mtime, content of block 17``."""
    if not change.fields:
        return ""
    words = [word for word in change.fields if word != "content"]
    if "content" in change.fields:
        words.append(_content_of(touched) if change.is_proven else "content")
    return f"input {name} changed: {', '.join(words)}"


def _content_of(touched: frozenset[int]) -> str:
    blocks = sorted(touched)
    shown = ", ".join(map(str, blocks[:5])) + (f" and {len(blocks) - 5} more" if len(blocks) > 5 else "")
    return f"content of block{'s' * (len(blocks) > 1)} {shown}" if blocks else "content that no block reads"


def _matters(change: Change) -> bool:
    """Return whether an input's content changed, or cannot be shown to be the same."""
    return bool(change.fields) and not (change.is_proven and not change.changed_ranges)


def _refusal(changes: Sequence[str]) -> JobError:
    return InputChangedError(
        "what the job stands on has changed since it began",
        cause="\n".join(changes),
        safe="the blocks that are done were not touched",
        next="put it back as it was, or resume with --accept-changed, which runs again what read changed inputs, "
        "and keeps blocks that other versions made",
    )


def _lost_output(folder: JobFolder, job: Job, plan: AnyPlan) -> str | None:
    """Return a sentence if the unfinished output, which holds the blocks that are done, is not there any more."""
    if isinstance(plan, ChainPlan) or plan.stage.n_parts > 1:
        # the outputs of steps are looked for when they are opened
        return None
    final = output_file(job.spec.output.path) if job.spec.output is not None else folder.result
    if partial_path(final).exists() or final.exists():
        return None
    return f"{partial_path(final)} is gone, and with it what was done"


def _why(n_blocks: int, n_done: int, stale: Mapping[int, str], n_missing: int) -> str:
    if n_done == n_blocks:
        return "every block is done: the output is checked and published"
    parts = [f"{n_missing} blocks were never done"] if n_missing else []
    if stale:
        parts.append(f"{len(stale)} may be stale")
    return f"{n_blocks - n_done} of {n_blocks} blocks run: " + ", ".join(parts)

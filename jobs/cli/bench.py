"""``arraymill bench``: this machine's NumPy, torch and arraymill on the same work, CPU against GPU."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..bench import Bout, Score, Work, recommend, run_bout, works_of
from ..bench.bout import contestants
from ..errors import DiskFullError, SpecError, VerificationError
from ..sizes import format_bytes, parse_size
from .help import Command
from .terminal import echo_note

__all__ = ["bench"]

_SIZE, _QUICK_SIZE = "512MB", "16MB"
_ROUNDS = 3
_LEAST_BYTES = 1 << 20


@click.command(
    "bench",
    cls=Command,
    short_help="Compare NumPy, torch and arraymill on this machine's CPU and GPU",
    examples=("arraymill bench", "arraymill bench --size 4GB", "arraymill bench --quick --json"),
)
@click.option("--size", metavar="SIZE", help=f"Bytes of each work's arrays [{_SIZE}].")
@click.option("--rounds", type=click.IntRange(min=1), default=_ROUNDS, help=f"Turns of each [{_ROUNDS}].")
@click.option("--quick", is_flag=True, help=f"Arrays of {_QUICK_SIZE}: seconds, and figures that mean little.")
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Where the files go, for a while."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def bench(size: str | None, rounds: int, quick: bool, folder: Path | None, as_json: bool) -> None:
    """Compare NumPy, torch and arraymill on this machine's CPU and GPU.

    A reduction, a product and an elementwise chain, from files in the page cache to a file. Each contestant warms up
    once, then all take turns; a GPU is synchronised before the clock stops. With operands that are on the GPU already
    ("resident"), the computation alone is timed: files do not get there for nothing. Takes about a minute.
    """
    from arraymill.cluster.devices import gpus  # asks the driver

    works = works_of(_size_bytes(size, quick))
    gpu = next((found.name for found in gpus()), None)
    place = folder or Path(tempfile.gettempdir())
    _check_room(works, place)
    with tempfile.TemporaryDirectory(prefix="arraymill-bench-", dir=place) as scratch:
        names = contestants(has_gpu=gpu is not None)
        bouts = run_bout(works, Path(scratch), names=names, rounds=rounds, say=echo_note)
    advice = recommend(bouts, has_gpu=gpu is not None)
    if as_json:
        click.echo(json.dumps(_document(bouts, gpu, rounds, quick, advice), indent=2))
    else:
        click.echo("\n".join(line for bout in bouts for line in _table(bout)) + f"\n{advice}")
    _check_ours(bouts)


def _size_bytes(size: str | None, quick: bool) -> int:
    try:
        n_bytes = parse_size(size or (_QUICK_SIZE if quick else _SIZE))
    except ValueError as error:
        raise SpecError(f"--size: {error}", next="write it like 512MB") from None
    if not isinstance(n_bytes, int) or n_bytes < _LEAST_BYTES:
        raise SpecError(f"--size {size}: too small, or a share", cause="1 MiB is the least", next="write 512MB")
    return n_bytes


def _check_room(works: Sequence[Work], place: Path) -> None:
    wanted = sum(work.input_bytes for work in works) + 2 * max(work.nbytes - work.input_bytes for work in works)
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise DiskFullError(
            f"the files do not fit in {place}",
            cause=f"{format_bytes(wanted)} are needed and {format_bytes(free)} are free",
            safe="nothing was written",
            next="name another --folder, or a smaller --size",
        )


def _check_ours(bouts: Sequence[Bout]) -> None:
    """Leave with an error if one of arraymill's own results was wrong, or none: the others' only lose their place."""
    failed = [
        f"{bout.work.name}, {score.contestant}: {score.error}"
        for bout in bouts
        for score in bout.scores
        if score.error is not None and score.contestant.startswith("arraymill")
    ]
    if failed:
        raise VerificationError("arraymill did not do all the work", cause="\n".join(failed), next="arraymill doctor")


def _table(bout: Bout) -> list[str]:
    head = f"{bout.work.name}: {bout.work.text}, {format_bytes(bout.work.input_bytes)}"
    width = max(len(score.contestant) for score in bout.scores)
    return [head, *(f"  {score.contestant:<{width}}  {_figures(bout.work, score)}" for score in bout.scores), ""]


def _figures(work: Work, score: Score) -> str:
    if score.error is not None:
        return f"out: {score.error}"
    rate = f"{work.flops / score.median_s / 1e9:.0f} GFLOP/s" if work.flops else _bandwidth(work, score)
    return f"{score.median_s:8.3f} s  ({min(score.seconds):.3f} to {max(score.seconds):.3f})  {rate:>12}"


def _bandwidth(work: Work, score: Score) -> str:
    return f"{work.nbytes / score.median_s / 1e9:.1f} GB/s"


def _document(bouts: Sequence[Bout], gpu: str | None, rounds: int, quick: bool, advice: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "gpu": gpu,
        "rounds": rounds,
        "quick": quick,
        "works": [_record(bout) for bout in bouts],
        "recommendation": advice,
    }


def _record(bout: Bout) -> dict[str, Any]:
    work = bout.work
    return {
        "work": work.name,
        "what": work.text,
        "input_bytes": work.input_bytes,
        "flops": work.flops,
        "scores": [_score_record(score) for score in bout.scores],
    }


def _score_record(score: Score) -> dict[str, Any]:
    record = {"contestant": score.contestant, "file_to_file": score.is_file_to_file, "error": score.error}
    if not score.seconds:
        return record | {"seconds": None}
    spread = {"median": score.median_s, "min": min(score.seconds), "max": max(score.seconds)}
    return record | {"seconds": spread | {"all": list(score.seconds)}}

"""Single bits that change at rest, in all that a killed job has left: never believed, and only that is made again."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault_tally import counted

from arraymill.jobs.blocks import Grid
from arraymill.jobs.store import read_ledger
from crashes.flips import HALF, flipped, flipped_line, left_half, lines_of
from crashes.pool import Cases
from crashes.sizes import IS_SOAK, sample


def check_flips(cases: Cases, tries: list[tuple[Any, ...]], check: Callable[..., Any] = flipped) -> int:
    """Check that every job finishes as if nothing had happened, or is refused; return how many are refused."""
    n_refused = 0
    for tried, (is_refused, complaints) in cases.map(check, tries):
        with counted("failed cleanly" if is_refused else "survived byte-identical"):
            assert (tried, complaints) == (tried, [])
        n_refused += is_refused
    return n_refused


@pytest.mark.parametrize("shape", ["map", "reduce"])
def test_a_flipped_bit_of_the_ledger_ends_what_is_believed_of_it(cases: Cases, tmp_path: Path, shape: str) -> None:
    ledger, path = cases.one(left_half, shape).files["ledger.jsonl"], tmp_path / "ledger.jsonl"
    path.write_bytes(ledger)
    records, n_flips = read_ledger(path)[0], 0
    with path.open("r+b", buffering=0) as file:
        for number, (start, end) in enumerate(lines_of(ledger)):
            for position, bit in product(range(start, end), range(8) if IS_SOAK else range(1)):
                os.pwrite(file.fileno(), bytes([ledger[position] ^ 1 << (position + bit) % 8]), position)
                assert read_ledger(path) == (records[:number], start)
                os.pwrite(file.fileno(), ledger[position : position + 1], position)
                n_flips += 1
    assert n_flips >= len(ledger) > 2000


@pytest.mark.parametrize("shape", ["map", "reduce"])
def test_a_job_goes_on_from_the_last_good_line_of_its_ledger(cases: Cases, shape: str) -> None:
    n_lines = len(lines_of(cases.one(left_half, shape).files["ledger.jsonl"]))
    places = [place / 400 for place in range(401)] if IS_SOAK else [0.0, 0.5, 1.0]
    tries = [(shape, number, place) for number in range(n_lines) for place in places]
    assert check_flips(cases, tries, flipped_line) == 0


@pytest.mark.parametrize("shape", ["map", "contract"])
def test_a_block_with_a_flipped_bit_and_no_other_runs_again(cases: Cases, shape: str) -> None:
    left = cases.one(left_half, shape)
    grid, header = Grid(**{name: tuple(value) for name, value in left.plan["grid"].items()}), left.plan["output"]
    blocks = np.empty(header["shape"], int)
    for number, region in enumerate(grid.regions()):
        blocks[tuple(slice(*bounds) for bounds in region[: blocks.ndim])] = number
    start = len(left.files["output"]) - header["nbytes"]
    # the last byte of the first element of each block, and bytes everywhere
    places = {int(np.flatnonzero(blocks.ravel() == number)[0]) * 8 + 7 for number in range(grid.n_blocks)}
    places |= set(range(0, header["nbytes"], 1 if IS_SOAK else 601))
    tries = [(shape, "output", start + place, {int(blocks.flat[place // 8])}) for place in sorted(places)]
    assert check_flips(cases, tries) == 0
    assert HALF <= len(left.done) < grid.n_blocks


def test_a_block_whose_partial_has_a_flipped_bit_and_no_other_runs_again(cases: Cases) -> None:
    left = cases.one(left_half, "reduce")
    tries = []
    for block, record in left.done.items():
        start, length = record["partial"]["offset"], record["partial"]["nbytes"]
        places = range(start, start + length, 97 if IS_SOAK else math.ceil(length / 3))
        tries += [("reduce", "partials.bin", position, {block}) for position in places]
    assert check_flips(cases, tries) == 0
    assert len(left.done) >= HALF


def test_an_output_whose_header_has_a_flipped_bit_is_made_anew(cases: Cases) -> None:
    tries = [("map", "output", position, set(range(100))) for position in sample(range(4096), 12)]
    assert check_flips(cases, tries) == 0


@pytest.mark.parametrize("file", ["spec.yaml", "state.json", "plan.json", "epoch"])
def test_a_flipped_bit_of_any_other_file_is_refused_or_does_not_matter(cases: Cases, file: str) -> None:
    n_bytes = len(cases.one(left_half, "map").files[file])
    n_refused = check_flips(cases, [("map", file, position, set()) for position in sample(range(n_bytes), 15)])
    assert (n_refused > 0) == (file == "spec.yaml")


def test_a_flipped_bit_of_what_is_computed_is_refused(cases: Cases) -> None:
    spec = cases.one(left_half, "map").files["spec.yaml"]
    start = spec.index(b"a * 2 + 1")
    # the operator's space may turn into anything; a number only into another number
    tries = [("map", "spec.yaml", position, set()) for position in range(start, start + 9)]
    assert check_flips(cases, tries) == len(tries)

"""How far answers to hard inputs are from the truth: ``python -m benchmarks.accuracy`` writes docs/accuracy.md.

With ``--quick`` the inputs are small and the page is printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .hard.case import CONTENDERS, HardCase, Measured, measure
from .hard.factors import FACTORS
from .hard.moments import MOMENTS
from .hard.order import ORDER
from .hard.sums import SUMS
from .machine import machine_facts, versions

__all__ = ["CASES", "PAGE", "page", "table_row"]

CASES: tuple[HardCase, ...] = (*SUMS, *MOMENTS, *FACTORS, *ORDER)
PAGE = Path(__file__).parents[1] / "docs" / "accuracy.md"
_LIBRARIES = ("python", "arraymill", "numpy", "dask")
_INTRODUCTION = """\
# Accuracy

What arraymill, NumPy and dask.array make of inputs that rounding spoils: the largest error of each answer against the
truth, beside the bound that the operation promises. The truth is `math.fsum`, longdouble (64 bits) or, of float32,
float64. Each contender answers as it does when it is asked plainly, with its defaults. `-`: it has nothing of the kind.

Measured on {date} with {libraries}, on {machine}, by

```console
python -m benchmarks.accuracy
```

Inputs are the same each time. `tests/test_accuracy_page.py` holds smaller ones of the same kind to the same bounds.

"""
_NOTES = """
- Over axis 0 NumPy adds one row after another in float32. Of two million rows at 10,000 the mean is off by 185, and
  with it the variance and whatever is centred; `dtype="float64"` mends that, for variances with a copy of the array.
- `cov` and `corrcoef` of float32: NumPy and dask compute in float64. So does arraymill with `--precision strict`; by
  default it multiplies in float32 what is left after the means are subtracted, and adds up in float64.
- `qr` and `svd` of tall arrays whose rows repeat: every dot product of Householder's reflections is rounded in the same
  direction, in LAPACK and so in NumPy as well. Worst seen: 4 times the bound for factors times each other, 14 times for
  `q.T @ q`, of columns that are all ones.
- NumPy's and dask's distances are by squares, a.a + b.b - 2 a.b, as one writes them where the differences of all rows
  do not fit in memory; NumPy's nearest neighbours too.
- dask's percentile is made of those of its chunks, and is not meant to be exact.
"""


def main() -> None:
    """Measure every case, and write or print the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small inputs; print the page")
    parser.add_argument("--out", type=Path, help=f"where the page goes; by default {PAGE.relative_to(PAGE.parents[1])}")
    options = parser.parse_args()
    text = page(_measured(CASES, quick=options.quick))
    out = options.out or (None if options.quick else PAGE)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


def _measured(cases: Sequence[HardCase], *, quick: bool) -> Iterable[Measured]:
    for number, case in enumerate(cases, 1):
        began = time.monotonic()
        yield measure(case, quick=quick)
        sys.stderr.write(f"{number} of {len(cases)}: {case.name}: {time.monotonic() - began:.1f} s\n")


def page(measured: Iterable[Measured]) -> str:
    """Return the page of what was measured."""
    rows = [table_row(one) for one in measured]
    found, machine = versions(), machine_facts()
    introduction = _INTRODUCTION.format(
        date=datetime.now(UTC).date().isoformat(),
        libraries=", ".join(f"{name} {found[name]}" for name in _LIBRARIES),
        machine=f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 1e9:.0f} GB",
    )
    header = f"| case | error relative to | promised | at most | {' | '.join(CONTENDERS)} | kept |\n"
    rule = "|---|---|---|---:|" + "---:|" * len(CONTENDERS) + "---|\n"
    return introduction + header + rule + "".join(rows) + _NOTES


def table_row(measured: Measured) -> str:
    """Return the line of a case."""
    case = measured.case
    errors = [_figure(measured.errors[name]) for name in CONTENDERS]
    kept = "yes" if measured.holds else f"**no**: {case.breaks}"
    return f"| {' | '.join([case.name, case.measured, case.promise, _figure(measured.bound), *errors, kept])} |\n"


def _figure(error: float | None) -> str:
    return "-" if error is None else f"{error:.1e}" if error else "0"


if __name__ == "__main__":
    main()

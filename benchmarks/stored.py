"""A document read back from its JSON, and drawn: for results of a machine that has no matplotlib.

``python -m benchmarks.stored RESULT.json ...`` writes the tables and the plots beside each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .machine import Machine
from .plot import save_plot
from .plot_growth import save_growth_plot
from .plot_ratios import save_ratio_plot
from .report import as_markdown
from .results import CaseResult, Document, Ratio, Row, Run, Spread

__all__ = ["read_document", "save_plots"]


def read_document(path: Path) -> Document:
    """Return the document of a file that `as_json` was written to."""
    tree = json.loads(path.read_text())
    tree["machine"] = Machine(**tree["machine"])
    tree["runs"] = tuple(_run(run) for run in tree["runs"])
    tree["ratios"] = tuple(Ratio(**{**ratio, "spread": _spread(ratio["spread"])}) for ratio in tree["ratios"])
    return Document(**tree)


def save_plots(document: Document, path: Path) -> None:
    """Write the plots that there is something for: FILE.png, FILE-ratios.png, FILE-growth.png."""
    save_plot(document, path.with_suffix(".png"))
    save_ratio_plot(document, path.with_name(f"{path.stem}-ratios.png"))
    save_growth_plot(document, path.with_name(f"{path.stem}-growth.png"))


def _run(run: Mapping[str, Any]) -> Run:
    return Run(run["ceilings"], tuple(_case(case) for case in run["cases"]), run["figures"])


def _case(case: dict[str, Any]) -> CaseResult:
    shapes = tuple((rows, columns) for rows, columns in case["shapes"])
    rows = tuple(
        Row(**{**row, "seconds": _spread(row["seconds"]), "process_s": _spread(row["process_s"])})
        for row in case["rows"]
    )
    return CaseResult(**{**case, "shapes": shapes, "rows": rows})


def _spread(spread: dict[str, Any] | None) -> Spread | None:
    return None if spread is None else Spread(**{**spread, "all": tuple(spread["all"])})


if __name__ == "__main__":
    for name in sys.argv[1:]:
        stored = read_document(Path(name))
        Path(name).with_suffix(".md").write_text(as_markdown(stored) + "\n")
        save_plots(stored, Path(name))

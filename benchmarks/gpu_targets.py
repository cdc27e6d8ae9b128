"""The table of ratios for one Hopper GPU, and what its numerators are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .contenders import ARRAYMILL
from .gpu_table import gpu_cases
from .results import CaseResult, Run
from .targets import Rows, Target, ratio_of, seconds_of

__all__ = ["GPU_TARGETS", "eta", "link_lower_bound_bytes"]

_CASES = {case.name: case for case in gpu_cases()}
_DTYPE_BYTES = {"float16": 2, "float32": 4, "float64": 8}


def link_lower_bound_bytes(m: int, k: int, n: int, *, device_bytes: int, itemsize: int) -> float:
    """Return the least that a product must bring over the link: max(mk + kn, 2mnk / sqrt(M)) elements.

    M is what the device's memory holds, in elements (Irony, Toledo and Tiskin, 2004).

    >>> link_lower_bound_bytes(1024, 1024, 1024, device_bytes=1 << 30, itemsize=4) == 2 * 1024**2 * 4
    True
    """
    return itemsize * max(m * k + k * n, 2 * m * n * k / math.sqrt(device_bytes / itemsize))


def eta(run: Run, case: CaseResult, resident: str, seconds: float) -> float:
    """Return the seconds of the slowest stage alone, at its ceiling of this run, divided by the seconds measured."""
    row = next(row for row in case.rows if row.contender == ARRAYMILL)
    written = row.facts["bytes_written"]
    stages = {
        "staging_gb_s": row.facts["bytes_read"],
        "to_device_gb_s": row.facts["bytes_read"],
        f"resident_{resident}_gflop_s": _flops(case),
        "from_device_gb_s": written,
        "write_disk_gb_s": written,
    }
    return max(amount / run.ceilings[name] for name, amount in stages.items()) / 1e9 / seconds


def _flops(case: CaseResult) -> float:
    (m, k), (_, n) = case.shapes[0], case.shapes[-1]
    return 2.0 * m * n * k if case.operation == "matmul" else 0.0


def _case(run: Run, name: str) -> CaseResult:
    return next(case for case in run.cases if case.name == name)


def _reduction(operation: str) -> Target:
    name = f"gpu-{operation}"

    def value(run: Run, rows: Rows) -> float | None:
        n_bytes = math.prod(_case(run, name).shapes[0]) * 4
        ceiling = min(run.ceilings["to_device_gb_s"], run.ceilings["staging_gb_s"]) * 1e9
        seconds = seconds_of(rows, name, ARRAYMILL)
        return None if seconds is None else n_bytes / seconds / ceiling

    return Target(f"{operation} fp32 16 GB", "bytes/s / link or staging", value, 0.80, 0.95, cases=(name,))


def _resident(name: str, mode: str, must: float, goal: float) -> Target:
    def value(run: Run, rows: Rows) -> float | None:
        seconds = seconds_of(rows, name, ARRAYMILL)
        ceiling = run.ceilings[f"resident_{mode}_gflop_s"] * 1e9
        return None if seconds is None else _flops(_case(run, name)) / seconds / ceiling

    return Target(name, f"FLOP/s file to file / resident {mode}", value, must, goal, cases=(name,))


def _eta(name: str, mode: str) -> Target:
    def value(run: Run, rows: Rows) -> float | None:
        seconds = seconds_of(rows, name, ARRAYMILL)
        return None if seconds is None else eta(run, _case(run, name), mode, seconds)

    return Target(name, "eta", value, 0.80, 0.93, cases=(name,))


def _seeds(row: str, case: str, seeds_case: str, must: float, goal: float) -> Target:
    def value(run: Run, rows: Rows) -> float | None:
        return ratio_of(seconds_of(rows, seeds_case, "seeds"), seconds_of(rows, case, ARRAYMILL))

    return Target(row, "seeds / arraymill, seconds", value, must, goal, cases=(case,))


def _triple_error(run: Run, rows: Rows) -> float | None:
    triple, plain = (rows.get((f"gpu-{mode}-32768", ARRAYMILL)) for mode in ("3xtf32", "fp32"))
    return None if triple is None or plain is None else ratio_of(triple.relative_error, plain.relative_error)


def _link(name: str) -> Target:
    def value(run: Run, rows: Rows) -> float | None:
        row = rows.get((name, ARRAYMILL))
        if row is None or not row.facts:
            return None
        case = _case(run, name)
        (m, k), (_, n) = case.shapes
        limits: Mapping[str, int] = case.settings
        itemsize = _DTYPE_BYTES[case.dtype]
        least = link_lower_bound_bytes(m, k, n, device_bytes=limits["device_memory"], itemsize=itemsize)
        return float(row.facts["bytes_read"] / least)

    return Target(name, "bytes over the link / lower bound", value, 1.15, 1.03, True, (name,))


GPU_TARGETS = (
    *(_reduction(operation) for operation in ("sum", "mean", "max")),
    _seeds("sum fp32 16 GB", "gpu-sum", "gpu-seeds-sum", 4.0, 8.0),
    _resident("gpu-fp32-32768", "fp32", 0.93, 0.98),
    _resident("gpu-fp64-24576", "fp64", 0.90, 0.97),
    _resident("gpu-tf32-49152", "tf32", 0.75, 0.92),
    _resident("gpu-fp16-65536", "fp16", 0.75, 0.92),
    _eta("gpu-fp32-32768", "fp32"),
    _eta("gpu-tf32-32768", "tf32"),
    _seeds("fp32 n = 32768, file to file", "gpu-fp32-32768", "gpu-seeds-32768", 4.0, 6.0),
    _seeds("TF32 n = 32768, file to file", "gpu-tf32-32768", "gpu-seeds-32768", 6.0, 12.0),
    _resident("gpu-3xtf32-32768", "fp32", 1.8, 2.5),
    Target("gpu-3xtf32-32768", "error / error of fp32", _triple_error, 4.0, 1.5, True, ("gpu-3xtf32-32768",)),
    *(_link(name) for name, case in _CASES.items() if case.operation == "matmul" and "seeds" not in case.contenders),
)

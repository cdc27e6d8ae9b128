"""The steps of a plan as a table: read, copy in, compute, copy out, write."""

from __future__ import annotations

from ..durations import format_seconds
from ..plans.planning import Plan
from ..sizes import format_bytes

__all__ = ["step_table"]

_STEPS = {
    "read": "read",
    "to_device": "to the GPU",
    "compute": "compute",
    "from_device": "from the GPU",
    "write": "write",
}
_BAR_WIDTH = 24


def step_table(plan: Plan) -> list[str]:
    """Return a line for each step: what it moves or computes, how fast, and how long that takes alone.

    A plan that has nothing to do has none.
    """
    if not plan.n_blocks:
        return []
    rates = "measured rate" if plan.is_measured else "nominal rate"
    rows = [("step", "amount", rates, "alone", ""), *(_step_row(plan, step) for step in plan.seconds)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["", *(
        f"  {step:<{widths[0]}}  {amount:>{widths[1]}}  {rate:>{widths[2]}}  {alone:>{widths[3]}}  {bar}".rstrip()
        for step, amount, rate, alone, bar in rows
    )]  # fmt: skip


def _step_row(plan: Plan, step: str) -> tuple[str, str, str, str, str]:
    amounts = {
        "read": plan.read_bytes,
        "to_device": plan.moves.to_device_bytes,
        "compute": plan.flops,
        "from_device": plan.moves.from_device_bytes,
        "write": plan.write_bytes,
    }
    amount, seconds = amounts[step], plan.seconds[step]
    said = _flop_text if step == "compute" else format_bytes
    bar = "#" * round(_BAR_WIDTH * seconds / max(plan.seconds.values()))
    rate = f"{said(amount / seconds)}/s" if seconds else ""
    return _STEPS[step], said(amount), rate, format_seconds(seconds), bar + (" limit" if step == plan.binding else "")


def _flop_text(n: float) -> str:
    return format_bytes(n).replace("B", "FLOP")

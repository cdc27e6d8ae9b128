"""One contender, once, in this process: ``python -m benchmarks.child ORDER``; what it took goes to stdout as JSON.

The clock runs from open files to a written file. Before it: imports, the start of a cluster (measured apart), and a
rehearsal on 64 x 64 elements, so that nobody's late imports and thread pools are counted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from .contenders import Order

__all__ = ["measure"]


def measure(order: Order) -> dict[str, Any]:
    """Run an order and return ``{"start_s", "seconds", "facts"}``."""
    opened = import_module(f".{order.module}", __package__).opened
    asked = time.perf_counter()
    with opened(**order.variant) as compute:
        start_s = time.perf_counter() - asked
        rehearsed = Path(f"{order.output}.rehearsal.npy")
        finish = compute(order.operation, order.params, order.rehearsal_inputs, str(rehearsed))
        if finish is not None:
            finish()
        rehearsed.unlink(missing_ok=True)
        _wait_for_word()
        began = time.perf_counter()
        finish = compute(order.operation, order.params, order.inputs, order.output)
        if order.durable:
            with open(order.output, "rb") as file:
                os.fsync(file.fileno())
        seconds = time.perf_counter() - began
        facts = {} if finish is None else finish()
    return {"start_s": start_s, "seconds": seconds, "facts": facts}


def _wait_for_word() -> None:
    """Say that all is ready, and return when told to go on."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    measured = measure(Order(**json.loads(sys.argv[1])))
    sys.stdout.write(json.dumps(measured) + "\n")

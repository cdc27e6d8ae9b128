"""A contestant's process: takes an order per line on stdin, and answers each with a line of JSON on stdout.

It stays for all turns: what it imports, its thread pools and its GPU context are there when a turn begins.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

__all__ = ["SIDES", "answer", "serve"]

_SAMPLES = 16


def serve() -> None:
    """Answer orders until stdin ends."""
    side = SIDES[sys.argv[1]]
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(side, json.loads(line))) + "\n")
        sys.stdout.flush()


def answer(side: Callable[..., float], order: dict[str, Any]) -> dict[str, Any]:
    """Return the seconds of one turn, and some elements of its result, if it wrote one."""
    seconds = side(order)
    return {"seconds": seconds, "sample": _sample(order["output"])}


def _sample(output: str) -> list[float] | None:
    try:
        result = np.load(output, mmap_mode="r")
    except FileNotFoundError:
        return None
    places = np.linspace(0, result.size - 1, _SAMPLES).astype(int)
    return [float(value) for value in result.reshape(-1)[places]]


def _numpy(order: dict[str, Any]) -> float:
    began = time.perf_counter()
    _numpy_work(order["work"], order["inputs"], order["output"])
    return time.perf_counter() - began


def _numpy_work(work: str, inputs: Sequence[str], output: str) -> None:
    arrays = [np.load(path, mmap_mode="r") for path in inputs]
    x = arrays[0]
    if work == "product":
        np.matmul(x, arrays[1], out=open_memmap(output, "w+", x.dtype, (x.shape[0], arrays[1].shape[1])))
    elif work == "reduction":
        np.save(output, x.sum(axis=0))
    else:
        np.save(output, np.sqrt(x * x + 1) - np.float32(0.5) * x)


def _torch_on(device: str) -> Callable[[dict[str, Any]], float]:
    def run(order: dict[str, Any]) -> float:
        from ..engine.plain_torch import time_from_files  # torch: in this process alone

        return time_from_files(order["work"], order["inputs"], order["output"], device)

    return run


def _torch_resident(order: dict[str, Any]) -> float:
    from ..engine.plain_torch import time_resident

    return time_resident(order["work"], order["inputs"], "cuda")


def _arraymill_on(device: str) -> Callable[[dict[str, Any]], float]:
    def run_job(order: dict[str, Any]) -> float:
        from ..api import run

        place = {"cluster": "inline", "device": device}
        began = time.perf_counter()
        run(order["operation"], *order["inputs"], output=order["output"], replace=True, **place, **order["params"])
        return time.perf_counter() - began

    return run_job


SIDES: dict[str, Callable[[dict[str, Any]], float]] = {
    "numpy": _numpy,
    "torch-cpu": _torch_on("cpu"),
    "torch-gpu": _torch_on("cuda"),
    "torch-gpu-resident": _torch_resident,
    "arraymill-cpu": _arraymill_on("cpu"),
    "arraymill-gpu": _arraymill_on("cuda"),
}
"""What each contestant does with an order, and how long that took."""

if __name__ == "__main__":
    serve()

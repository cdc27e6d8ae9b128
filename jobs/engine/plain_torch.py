"""torch as people write it, on one device: what `arraymill bench` compares with.

Files are mapped, shared with tensors, moved, computed on and moved back; nothing is overlapped or split. The device is
synchronised before the clock stops, since a call on a GPU returns before its work is done.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

__all__ = ["time_from_files", "time_resident"]


def time_from_files(work: str, inputs: Sequence[str], output: str, device: str) -> float:
    """Return the seconds from files to a file, the way over the link included.

    Parameters
    ----------
    work : {"reduction", "product", "chain"}
    inputs : sequence of str
    output : str
    device : {"cpu", "cuda"}
    """
    began = time.perf_counter()
    tensors = [tensor.to(device) for tensor in _open(inputs)]
    np.save(output, _compute(work, tensors).cpu().numpy())
    return time.perf_counter() - began


def time_resident(work: str, inputs: Sequence[str], device: str) -> float:
    """Return the seconds of the computation alone, on operands that are on the device, where its result stays."""
    tensors = [tensor.to(device) for tensor in _open(inputs)]
    _synchronize(device)
    began = time.perf_counter()
    _compute(work, tensors)
    _synchronize(device)
    seconds = time.perf_counter() - began
    del tensors
    if device == "cuda":
        # other contestants share this device's memory
        torch.cuda.empty_cache()
    return seconds


def _open(inputs: Sequence[str]) -> list[torch.Tensor]:
    # mapped copy-on-write: torch takes the pages without a warning, and without a copy
    return [torch.from_numpy(np.load(path, mmap_mode="c")) for path in inputs]


def _compute(work: str, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    x = tensors[0]
    result: Any
    if work == "product":
        result = x @ tensors[1]
    elif work == "reduction":
        result = x.sum(dim=0)
    else:
        result = torch.sqrt(x * x + 1) - 0.5 * x
    assert isinstance(result, torch.Tensor)
    return result


def _synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()

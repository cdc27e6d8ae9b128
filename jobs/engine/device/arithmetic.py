"""How a product is computed on the device: the dtypes, what is made of an operand before, and whether TF32 is on.

========  ==============================  ============================================  ===========
mode      operands on the device          the total                                     TF32
========  ==============================  ============================================  ===========
ieee      the stage's dtype               the stage's `accumulate`                      forbidden
fp64acc   float64                         float64                                       forbidden
tf32      float32                         float32                                       allowed
3xtf32    float32, three times as long    float32                                       allowed
fp16      float16                         float32, never added up in less               forbidden
bf16      bfloat16                        float32, never added up in less               forbidden
========  ==============================  ============================================  ===========
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...stages.shapes import ContractStage
from ...tensors import torch_dtype
from .device import Device
from .tf32 import N_TERMS, round_to_tf32, split_to_tf32

__all__ = ["Arithmetic", "arithmetic_of", "prepare"]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a product is computed.

    Parameters
    ----------
    operand : torch.dtype
        Of the slabs that are multiplied.
    total : numpy.dtype
    n_terms : int
        How many times as long a slab is along k.
    rounds : bool
        Operands are rounded to TF32 here, because the device does not.
    tf32 : bool
        TF32 is allowed.
    """

    operand: torch.dtype
    total: np.dtype[Any]
    n_terms: int = 1
    rounds: bool = False
    tf32: bool = False

    def keeps(self, stored: np.dtype[Any]) -> bool:
        """Return whether slabs are multiplied as they are in the file.

        >>> Arithmetic(torch.float32, np.dtype("f4")).keeps(np.dtype("f4"))
        True
        """
        return self.n_terms == 1 and not self.rounds and torch_dtype(stored) == self.operand


def arithmetic_of(stage: ContractStage, device: Device) -> Arithmetic:
    """Return the arithmetic of a stage's mode on a device.

    Raises
    ------
    ValueError
        For a mode that is not one.
    """
    single = np.dtype("f4")
    match stage.mode:
        case "ieee" | "fp64acc":
            return Arithmetic(torch_dtype(stage.dtype), stage.accumulate)
        case "tf32":
            return Arithmetic(torch.float32, single, rounds=not device.rounds_to_tf32, tf32=True)
        case "3xtf32":
            return Arithmetic(torch.float32, single, n_terms=N_TERMS, tf32=True)
        case "fp16":
            return Arithmetic(torch.float16, single)
        case "bf16":
            return Arithmetic(torch.bfloat16, single)
    raise ValueError(f"no product is computed in mode {stage.mode!r}")


def prepare(arithmetic: Arithmetic, side: int, x: torch.Tensor, slab: torch.Tensor, mask: torch.Tensor) -> None:
    """Make of an operand, as it was read, the slab that is multiplied.

    Parameters
    ----------
    arithmetic : Arithmetic
    side : {0, 1}
        0 is a, whose terms are [lo | hi | hi]; 1 is b: [hi; lo; hi].
    x : torch.Tensor
        As stored.
    slab : torch.Tensor
        ``(terms, *x.shape)`` in the order of k: the caller's view of the slab.
    mask : torch.Tensor
        Scratch: bool, of the shape of `x`.
    """
    if arithmetic.n_terms == N_TERMS:
        lo, finite = (slab[0], slab[1]) if side == 0 else (slab[1], slab[0])
        split_to_tf32(x, (lo, finite, slab[2]), mask)
    elif arithmetic.rounds and x.dtype == torch.float32:
        round_to_tf32(x, slab[0], mask)
    else:
        slab[0].copy_(x)

"""A program run on torch tensors, with NumPy's dtype after every step.

Each step converts its operands to the dtype that NumPy would compute in, or to the wider one that torch has arithmetic
for (`dtypes.compute_dtype`), and its result back: so uint16 wraps and float16 rounds where NumPy's do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...dtypes import compute_dtype
from ...errors import InputUnsupportedError
from ...stages.kernels import Namespace
from .functions import CASTS
from .program import Operand, Program, Step
from .torch_functions import COMPLEX_ON_TORCH, Tensor, apply_on_torch, torch_dtype
from .typed import Input, Scalar

__all__ = ["check_on_cuda", "run_on_torch"]

_IN_RESULT_DTYPE = frozenset({"angle", "divide", "rint"})
"""Functions whose NumPy loop may take integers and give floats: torch computes them in the result's dtype."""
_IN_OWN_DTYPE = frozenset({"nan_to_num", "real", "imag"})
"""Functions that depend on the dtype's own limits, or compute nothing."""


def check_on_cuda(program: Program) -> None:
    """Raise if a step of the program has no torch arithmetic.

    Raises
    ------
    InputUnsupportedError
        For uint64, and for functions of complex numbers that torch lacks.
    """
    for step in program.steps:
        inputs = [operand.dtype for operand in step.operands if isinstance(operand, Input)]
        for dtype in (*step.loop, *inputs, step.dtype):
            compute_dtype("elementwise", dtype, "cuda", name=f"an operand of {step.function}")
        is_complex = any(dtype.kind == "c" for dtype in (*step.loop, step.dtype))
        if is_complex and step.function not in COMPLEX_ON_TORCH and step.function not in CASTS:
            raise InputUnsupportedError(
                f"{step.function} of complex numbers is not computed on CUDA",
                cause="torch does not have it for complex numbers",
                next="use --device cpu",
            )


def run_on_torch(program: Program, xp: Namespace, blocks: Sequence[Tensor]) -> Tensor:
    """Return the program's result for tensors of one device that broadcast.

    Parameters
    ----------
    program : Program
    xp : namespace
        ``array_api_compat.torch``.
    blocks : sequence of tensor
        The inputs by number, each of torch's dtype of the same name; they are not written to.
    """
    registers: dict[int | None, Tensor] = {}
    for step in program.steps:
        operands = [_fetch(operand, blocks, registers) for operand in step.operands]
        registers[step.register] = _run_step(xp, step, operands, blocks[0].device)
    result = registers[None]
    shape = xp.broadcast_shapes(*(block.shape for block in blocks))
    return result if result.shape == shape else xp.broadcast_to(result, shape).contiguous()


def _fetch(operand: Operand, blocks: Sequence[Tensor], registers: Mapping[int | None, Tensor]) -> Tensor | Scalar:
    if isinstance(operand, Input):
        return blocks[operand.number]
    return operand if isinstance(operand, Scalar) else registers[operand.number]


def _run_step(xp: Namespace, step: Step, operands: Sequence[Any], device: Any) -> Tensor:
    dtype = torch_dtype(xp, step.dtype)
    if step.function in CASTS:
        return _cast(xp, operands[0], step.dtype)
    if step.function == "round":
        tensors = [_convert(xp, operands[0], _computed(step, step.dtype), step.dtype, device)]
        tensors += [decimals.value for decimals in operands[1:]]
    else:
        from_real = step.function in _IN_RESULT_DTYPE and step.loop[0].kind != "c"
        loop = [step.dtype] * len(step.loop) if from_real else step.loop
        if step.function == "clip":
            operands = [_within(operand, step.dtype) for operand in operands]
        tensors = [_convert(xp, o, _computed(step, d), d, device) for o, d in zip(operands, loop, strict=True)]
    return apply_on_torch(xp, step.function, tensors, step.loop[0]).to(dtype)


def _computed(step: Step, dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if step.function in _IN_OWN_DTYPE else compute_dtype("elementwise", dtype, "cuda")


def _convert(xp: Namespace, operand: Any, computed: np.dtype[Any], loop: np.dtype[Any], device: Any) -> Tensor:
    if not isinstance(operand, Scalar):
        return operand.to(torch_dtype(xp, computed))
    with np.errstate(all="ignore"):
        number = np.asarray(operand.value).astype(loop).item()  # rounded as NumPy rounds it, before it is widened
    return xp.full((), number, dtype=torch_dtype(xp, computed), device=device)


def _within(operand: Any, dtype: np.dtype[Any]) -> Any:
    """Return a bound of `clip`; one that integers of a dtype never reach as the last of them: others would wrap."""
    if not isinstance(operand, Scalar) or type(operand.value) is not int or dtype.kind not in "iu":
        return operand
    limits = np.iinfo(dtype)
    return Scalar(min(max(operand.value, int(limits.min)), int(limits.max)))


def _cast(xp: Namespace, tensor: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """Return a tensor as another dtype; integers wrap. A copy even where the dtype is the same."""
    unsigned = dtype.kind == "u" and tensor.dtype.is_floating_point
    source = tensor.to(xp.int64) if unsigned else tensor
    return source.to(torch_dtype(xp, dtype), copy=True)

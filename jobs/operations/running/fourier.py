"""fft, ifft, rfft and irfft: discrete Fourier transforms along one axis, as `numpy.fft`.

On the CPU every lane is transformed by `numpy.fft` itself, whose bits do not depend on which lanes share a piece (those
of torch on a CPU do, from 16384 points on), so the answer is NumPy's to the last bit. On CUDA torch transforms a piece
at once, and last bits may depend on how many lanes it has, which the plan fixes.

Accuracy: with u the unit roundoff of the dtype computed in (float32 stays in single precision), a transform of n points
is within about ``7 u log2(n)`` of the exact one, in the 2-norm, relative to its size, where n is a power of 2; lengths
with large prime factors go through three transforms of more than 2 n points (Bluestein), each with that bound.

References
----------
N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), theorem 24.2: the relative error is at
most ``t eta / (1 - t eta)`` for ``n = 2^t``, ``eta = mu + gamma_4 (sqrt(2) + mu)``, weights being known to ``mu = u``.
L. I. Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", IEEE Trans. Audio
Electroacoust. 18 (1970), 451-455.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Grid, Region
from ...dtypes import refuse_dtype
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import ConstantStage, Draft, MapStage
from ..operation import Operation, Params, ask_numpy
from ..reductions.axes import OneAxis, normalize_axes
from ..reductions.block_sums import cast
from .lanes import LaneSize, WholeAxis, chunk_lanes

__all__ = ["FFT", "IFFT", "IRFFT", "RFFT", "FourierKernel", "FourierParams"]

Name = Literal["fft", "ifft", "rfft", "irfft"]
Norm = Literal["backward", "ortho", "forward"]

_SCRATCH_PER_POINT = 8 * 16
"""Bytes that NumPy takes for one lane: copies, factors and, for Bluestein's algorithm, twice their number padded to
more than 2 n points, all complex128."""
_BATCH = 1 << 16
"""Points that NumPy is given at once: it copies all of them to complex128, and its answer from there."""
_FLOPS_PER_S = 3e9
"""Of one core in numpy.fft: for the prediction alone."""
_DEVICE_COPIES = 6
"""Complex copies of a piece that torch takes: of what it is given, its result, and cuFFT's own for awkward lengths."""


class FourierParams(Params):
    """Parameters of fft, ifft, rfft and irfft."""

    axis: OneAxis = Field(-1, description="axis to transform")
    n: int | None = Field(None, description="number of points: the axis is cut, or filled with zeros; by default all")
    norm: Norm = Field("backward", description="which way is divided by n; ortho divides both by its square root")


@dataclass(frozen=True, slots=True)
class FourierKernel:
    """The work on one piece.

    Parameters
    ----------
    name : {"fft", "ifft", "rfft", "irfft"}
    axis : int
    n : int
        Points of the transform.
    norm : {"backward", "ortho", "forward"}
    result : numpy.dtype

    Examples
    --------
    >>> kernel = FourierKernel("rfft", 0, 4, "backward", np.dtype("c8"))
    >>> kernel.apply(np, [np.ones(4, "f4")], ((0, 3),))
    array([4.+0.j, 0.+0.j, 0.+0.j], dtype=complex64)
    """

    name: Name
    axis: int
    n: int
    norm: Norm
    result: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> Any:
        """Return the output piece of the input's piece, which it never writes to."""
        if xp is np:
            return _FUNCTIONS[self.name](blocks[0], self.n, self.axis, self.norm)
        x = _computed(xp, blocks[0], needs_complex=self.name == "irfft")
        answer = getattr(xp.fft, self.name)(x, n=self.n, axis=self.axis, norm=self.norm)
        return cast(xp, answer, getattr(xp, self.result.name))

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write the output piece of a NumPy array into `out`."""
        x, folded = self._fold(blocks[0]), self._fold(out)
        assert np.may_share_memory(folded, out)
        n_before, _, n_beside = folded.shape
        n_lanes = max(_BATCH // max(self.n, x.shape[1]), 1)
        for rows in _cut(n_before, max(n_lanes // n_beside, 1)):
            for columns in _cut(n_beside, n_lanes):
                part = x[rows, :, columns]
                _FUNCTIONS[self.name](part, self.n, 1, self.norm, folded[rows, :, columns])

    def _fold(self, x: NDArray[Any]) -> NDArray[Any]:
        before, beside = math.prod(x.shape[: self.axis]), math.prod(x.shape[self.axis + 1 :])
        return x.reshape(before, x.shape[self.axis], beside)


def _cut(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _computed(xp: Namespace, x: Any, *, needs_complex: bool) -> Any:
    """Return a tensor in the dtype that NumPy would transform it in."""
    if xp.isdtype(x.dtype, "complex floating"):
        return x
    is_single = x.dtype in (xp.float16, xp.float32)
    if needs_complex:
        return xp.astype(x, xp.complex64 if is_single else xp.complex128)
    return xp.astype(x, xp.float32 if is_single else xp.float64)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "fft": np.fft.fft,
    "ifft": np.fft.ifft,
    "rfft": np.fft.rfft,
    "irfft": np.fft.irfft,
}


def _operation(name: Name, summary: str) -> Operation:
    def oracle(arrays: Sequence[NDArray[Any]], params: FourierParams) -> NDArray[Any]:
        answer: NDArray[Any] = _FUNCTIONS[name](arrays[0], params.n, params.axis, params.norm)
        return answer

    def build(headers: Sequence[ArrayHeader], params: FourierParams, limits: Limits) -> Draft:
        small = ask_numpy(oracle, [np.ones(2, _native(headers[0]))], FourierParams.model_validate({"n": 2}), what=name)
        return _build(name, headers[0], params, limits, small.dtype)

    return Operation(
        name, summary, f"arraymill run {name} x.npy --axis 0 -o {name}.npy", ("x",), FourierParams, build, oracle
    )


def _native(header: ArrayHeader) -> np.dtype[Any]:
    refuse_dtype(header.name, header.dtype)
    return header.dtype.newbyteorder("=")


def _build(name: Name, header: ArrayHeader, params: FourierParams, limits: Limits, result: np.dtype[Any]) -> Draft:
    if header.ndim == 0:
        raise SpecError(f"{name}: a 0-d array has no axis to transform", cause=f"{header.name} is a single number")
    (axis,) = normalize_axes(params.axis, header.ndim)
    n = _points(name, params, header.shape[axis])
    n_out = n // 2 + 1 if name == "rfft" else n
    shape = (*header.shape[:axis], n_out, *header.shape[axis + 1 :])
    output = ArrayHeader("output", shape, result, header.order)
    if header.size == 0:
        # of no points: zeros, if there are lanes (numpy 2.4's irfft reads a point that is not there)
        zeros = np.broadcast_to(np.zeros((), result), shape)
        return Draft(ConstantStage(zeros), output, flops=0, task_host_bytes=0, read_bytes=0)
    kernel = FourierKernel(name, header.ndim - 1 - axis if header.order == "F" else axis, n, params.norm, result)
    used = min(header.shape[axis], n // 2 + 1 if name == "irfft" else n)
    n_lanes = output.size // n_out
    size = _lane_size(kernel, used * header.dtype.itemsize, n_out, n_lanes, limits)
    stage = _stage(kernel, header, output, used, size, limits)
    in_piece = math.prod(stage.pieces) // n_out
    return Draft(
        stage,
        output,
        flops=n_lanes * _flops(n, is_real=name in ("rfft", "irfft")),
        task_host_bytes=in_piece * size.arrays_bytes + size.scratch_bytes,
        task_device_bytes=in_piece * size.device_bytes if limits.device == "cuda" else 0,
        read_bytes=n_lanes * used * header.dtype.itemsize,
        core_s=n_lanes * _flops(n, is_real=name in ("rfft", "irfft")) / _FLOPS_PER_S,
    )


def _stage(
    kernel: FourierKernel, header: ArrayHeader, output: ArrayHeader, used: int, size: LaneSize, limits: Limits
) -> MapStage:
    reverse = header.order == "F"
    shape, operand = (output.T.shape, header.T.shape) if reverse else (output.shape, header.shape)
    blocks, pieces = chunk_lanes(shape, kernel.axis, size, limits, what=f"a line of {kernel.n} points")
    layout = WholeAxis(kernel.axis, used)
    return MapStage(
        kernel,
        Grid(shape, blocks),
        pieces,
        (operand,),
        size.scratch_bytes,
        reverse,
        layout,
        kept=(kernel.axis,),
        is_exact=limits.device == "cpu",
    )


def _lane_size(kernel: FourierKernel, in_bytes: int, n_out: int, n_lanes: int, limits: Limits) -> LaneSize:
    itemsize = kernel.result.itemsize
    complex_bytes = kernel.n * max(itemsize if kernel.result.kind == "c" else 2 * itemsize, 8)
    scratch = kernel.n * _SCRATCH_PER_POINT + min(_BATCH, kernel.n * n_lanes) * 2 * 16 if limits.device == "cpu" else 0
    return LaneSize(in_bytes + n_out * itemsize, _DEVICE_COPIES * complex_bytes, scratch)


def _points(name: Name, params: FourierParams, length: int) -> int:
    n = params.n
    if n is None:
        n = length if name != "irfft" else 2 * (length - 1)
    if n < 1:
        raise SpecError(
            f"{name}: invalid number of data points ({n})",
            cause=f"axis {params.axis} has length {length}, n is {params.n}",
            next="give --n 1 or more",
        )
    return n


def _flops(n: int, *, is_real: bool) -> int:
    """Return 5 n log2 n, the count by which transforms are compared; half of it where one side is real."""
    return int((2.5 if is_real else 5.0) * n * math.log2(max(n, 2)))


FFT = _operation("fft", "Fourier transform along an axis")
IFFT = _operation("ifft", "Inverse Fourier transform along an axis")
RFFT = _operation("rfft", "Fourier transform of real numbers along an axis: the half that is not redundant")
IRFFT = _operation("irfft", "Inverse of rfft: real numbers of half a spectrum")

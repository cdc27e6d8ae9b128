"""rand and randn: random numbers that depend on the seed and on an element's place in the array, and on nothing else.

Element i, in C order, is made of output i of a counter-based generator, which has no state but the counter: wherever a
block begins, its numbers are reached at once.

==============  ==================================================================================================
rand, float64   ``(w >> 11) * 2^-53`` of the 64-bit word w number i
rand, float32   ``(w >> 8) * 2^-24`` of the 32-bit word number i: the lower half of a 64-bit word comes first
randn           the inverse of the normal distribution function at ``((w >> 11) + 1/2) 2^-53`` (`normal.py`), in float64
==============  ==================================================================================================

The words are those of Philox4x64-10 with the seed as its key, and so `rand` gives the numbers that
``numpy.random.Generator(numpy.random.Philox(key=seed)).random(shape)`` gives. Uniform numbers have the same bits
everywhere; the 15 % of normal ones that are farthest from 0 go through a logarithm, whose last bit may differ between
kinds of processors.

References
----------
J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...blocks import Region, Shape, region_shape
from ...errors import SpecError
from ...headers import ArrayHeader
from ...limits import Limits
from ...stages.kernels import Namespace
from ...stages.shapes import Draft
from ..operation import Operation, Params
from ..reductions.summand import DtypeName
from .created import ShapeParam, draft_created, flat_runs
from .normal import normal_of_uniform

__all__ = ["RAND", "RANDN", "RandomKernel", "RandomParams", "fill_normal", "fill_uniform"]

_CHUNK = 1 << 14
"""Elements that are worked on while they are in a core's cache."""

Fill = Callable[[np.random.Generator, NDArray[Any]], None]


class RandomParams(Params):
    """Parameters of rand and randn."""

    shape: ShapeParam = Field(description="lengths of the axes, as 1000,3")
    seed: int = Field(ge=0, lt=1 << 64, description="which numbers: the same seed gives the same ones")
    dtype: DtypeName = Field("float64", description="float64 or float32")


@dataclass(frozen=True, slots=True)
class RandomKernel:
    """Random numbers of one piece.

    Parameters
    ----------
    fill : callable
        Fills a one-dimensional array with the next numbers of a generator.
    seed : int
    shape : tuple of int
        Of the whole array.
    dtype : numpy.dtype
    word_dtype : numpy.dtype
        float32 where numbers are made of 32-bit words, float64 where of 64-bit ones.

    Examples
    --------
    >>> f8 = np.dtype("f8")
    >>> kernel = RandomKernel(fill_uniform, 1, (9,), f8, f8)
    >>> numpys = np.random.Generator(np.random.Philox(key=1)).random(9)
    >>> bool((kernel.apply(np, [], ((5, 8),)) == numpys[5:8]).all())
    True
    """

    fill: Fill
    seed: int
    shape: Shape
    dtype: np.dtype[Any]
    word_dtype: np.dtype[Any]

    def apply(self, xp: Namespace, blocks: Sequence[Any], region: Region) -> NDArray[Any]:
        """Return a piece."""
        out = np.empty(region_shape(region), self.dtype)
        self.apply_into(blocks, out, region)
        return out

    def apply_into(self, blocks: Sequence[NDArray[Any]], out: NDArray[Any], region: Region) -> None:
        """Write a piece into `out`, which is C-contiguous."""
        flat, done = out.reshape(-1), 0
        for first, length in flat_runs(self.shape, region):
            generator = self._generator(first)
            for start in range(done, done + length, _CHUNK):
                self.fill(generator, flat[start : min(start + _CHUNK, done + length)])
            done += length

    def _generator(self, first: int) -> np.random.Generator:
        """Return a generator whose next number is number `first`: one counter makes 4 words of 64 bits."""
        counter, skipped = divmod(first, 32 // self.word_dtype.itemsize)
        generator = np.random.Generator(np.random.Philox(key=self.seed, counter=counter))
        generator.random(skipped, dtype=self.word_dtype.type)
        return generator


def fill_uniform(generator: np.random.Generator, out: NDArray[Any]) -> None:
    """Fill an array with numbers of [0, 1), of 24 bits in float32 and 53 in float64."""
    generator.random(out=out, dtype=out.dtype.type)


def fill_normal(generator: np.random.Generator, out: NDArray[Any]) -> None:
    """Fill an array with standard normal numbers, one for each uniform one of float64."""
    if out.dtype == np.float64:
        generator.random(out=out)
        normal_of_uniform(out)
    else:
        out[...] = normal_of_uniform(generator.random(len(out)))


def _build(params: RandomParams, limits: Limits, fill: Fill, *, flops_each: int, each_s: float) -> Draft:
    dtype = np.dtype(params.dtype)
    if dtype not in (np.float32, np.float64):
        raise SpecError(f"random numbers of {dtype} are not made", next="choose --dtype float64 or float32")
    word_dtype = np.dtype(np.float64) if fill is fill_normal else dtype
    kernel = RandomKernel(fill, params.seed, params.shape, dtype, word_dtype)
    draft = draft_created(params.shape, dtype, kernel, limits)
    return replace(draft, flops=flops_each * draft.output.size, core_s=each_s * draft.output.size)


def _build_rand(headers: Sequence[ArrayHeader], params: RandomParams, limits: Limits) -> Draft:
    return _build(params, limits, fill_uniform, flops_each=10, each_s=4e-9)


def _build_randn(headers: Sequence[ArrayHeader], params: RandomParams, limits: Limits) -> Draft:
    return _build(params, limits, fill_normal, flops_each=40, each_s=13e-9)


def _uniform(arrays: Sequence[NDArray[Any]], params: RandomParams) -> NDArray[Any]:
    generator = np.random.Generator(np.random.Philox(key=params.seed))
    return generator.random(params.shape, dtype=np.dtype(params.dtype).type)


def _normal(arrays: Sequence[NDArray[Any]], params: RandomParams) -> NDArray[Any]:
    uniform = np.random.Generator(np.random.Philox(key=params.seed)).random(params.shape)
    return normal_of_uniform(uniform.reshape(-1)).reshape(params.shape).astype(params.dtype)


RAND = Operation(
    name="rand",
    summary="Random numbers of [0, 1), the same for the same seed",
    example="arraymill run rand --shape 1000,1000 --seed 1 -o rand.npy",
    inputs=(),
    params=RandomParams,
    build=_build_rand,
    oracle=_uniform,
)
RANDN = Operation(
    name="randn",
    summary="Random numbers of the standard normal distribution, the same for the same seed",
    example="arraymill run randn --shape 1000,1000 --seed 1 -o randn.npy",
    inputs=(),
    params=RandomParams,
    build=_build_randn,
    oracle=_normal,
)

"""The one border between NumPy arrays and torch tensors; it says when the two share memory.

================================== ====================== ================================================
of `to_tensor`, on the CPU          ``copy=None``          ``copy=False``
================================== ====================== ================================================
writable array, its own dtype      shared                 shared
read-only array                    copied                 shared: whoever writes to the tensor writes to a
                                                          user's array, or ends the process (SIGSEGV)
negative strides, foreign order    copied                 ValueError
another dtype or device            copied                 ValueError
================================== ====================== ================================================

``copy=True`` always copies. `to_array` shares with tensors of the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .errors import InputUnsupportedError

__all__ = ["numpy_dtype", "to_array", "to_tensor", "torch_dtype"]

_TORCH_DTYPES: Mapping[np.dtype[Any], torch.dtype] = MappingProxyType(
    {
        np.dtype(name): getattr(torch, name)
        for name in (
            *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
            *("float16", "float32", "float64", "complex64", "complex128"),
        )
    }
)
# NumPy has no bfloat16; float32 holds every one of its values.
_NUMPY_DTYPES: Mapping[torch.dtype, np.dtype[Any]] = MappingProxyType(
    {ours: theirs for theirs, ours in _TORCH_DTYPES.items()} | {torch.bfloat16: np.dtype(np.float32)}
)


def torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    """Return the torch dtype of the same values as a NumPy dtype, byte order aside.

    Raises
    ------
    InputUnsupportedError
        For long double, objects, structures, text, dates and time spans.

    Examples
    --------
    >>> torch_dtype(np.dtype(">f4"))
    torch.float32
    """
    # int64 and long long are one thing to torch and two dtypes, equal but not always by hash, to NumPy.
    found = next((ours for theirs, ours in _TORCH_DTYPES.items() if theirs == dtype.newbyteorder("=")), None)
    if found is None:
        raise InputUnsupportedError(
            f"no tensor can hold {dtype}", cause="allowed: bool, int, uint, float16 to float64, complex64, complex128",
            next=_way_out(dtype),
        )  # fmt: skip
    return found


def _way_out(dtype: np.dtype[Any]) -> str:
    if dtype.names:
        return f"take one field: x[{dtype.names[0]!r}]"
    if dtype.kind in "Mm":
        return 'take the ticks as integers: x.view("int64")'
    if dtype.kind in "fc":
        return f"take x.astype({'float64' if dtype.kind == 'f' else 'complex128'!r})"
    return "take an array of numbers"


def numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    """Return the NumPy dtype that a tensor's values come out in: the same, but float32 for bfloat16.

    Raises
    ------
    InputUnsupportedError
        For float8, quantized and other dtypes that NumPy has no equal of.

    Examples
    --------
    >>> numpy_dtype(torch.bfloat16)
    dtype('float32')
    """
    found = _NUMPY_DTYPES.get(dtype)
    if found is None:
        raise InputUnsupportedError(
            f"NumPy has no dtype for {dtype}", cause="the tensor cannot become an array", next="take tensor.float()"
        )
    return found


def to_tensor(
    array: NDArray[Any],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    copy: bool | None = None,
) -> torch.Tensor:
    """Return an array as a tensor.

    Parameters
    ----------
    array : ndarray
        Any layout; the memory order is kept in the tensor's strides where they are positive.
    device : torch.device or str
    dtype : torch.dtype, optional
        Default: the array's.
    copy : bool, optional
        True: the tensor has memory of its own. False: the tensor shares the array's memory, or an error is raised; of a
        read-only array it shares too, and then nobody may write to the tensor, in place or as ``out=``: that would
        change a file's pages or end the process. None: the memory is shared where that is safe, which a read-only
        array never is.

    Raises
    ------
    InputUnsupportedError
        If torch has no such dtype, or the array is masked.
    TypeError
        If `array` is no ndarray, or `dtype` would drop imaginary parts.
    ValueError
        If ``copy=False`` and the memory cannot be shared.

    Examples
    --------
    >>> x = np.arange(3)
    >>> to_tensor(x).add_(1), x
    (tensor([1, 2, 3]), array([1, 2, 3]))
    >>> x.flags.writeable = False
    >>> to_tensor(x).add_(1), x
    (tensor([2, 3, 4]), array([1, 2, 3]))
    """
    _check_array(array)
    own_dtype = torch_dtype(array.dtype)
    wanted = own_dtype if dtype is None else dtype
    if own_dtype.is_complex and not wanted.is_complex:
        raise TypeError(f"{own_dtype} to {wanted} drops the imaginary parts: take x.real or abs(x) first")
    obstacle = _layout_obstacle(array)
    change = _change(own_dtype, wanted, torch.device(device))
    if copy is False and (obstacle or change):
        raise ValueError(f"the array's memory cannot be shared: {obstacle or change}. Use copy=None or copy=True")
    # One copy at most in host memory: where torch or astype makes one anyway, no other is made.
    host = array.astype(array.dtype.newbyteorder("="), order="K") if obstacle else array
    tensor = torch.from_numpy(host if host.flags.writeable else _writable_alias(host))
    if change:
        return tensor.to(device=device, dtype=wanted)
    must_copy = copy or (copy is None and not array.flags.writeable)
    return tensor.clone() if must_copy and not obstacle else tensor


def _check_array(array: NDArray[Any]) -> None:
    if isinstance(array, np.ma.MaskedArray):
        raise InputUnsupportedError(
            "masked arrays are not worked on", cause="the mask would be ignored", next="take x.filled(value)"
        )
    if not isinstance(array, np.ndarray):
        raise TypeError(f"an ndarray is needed, not {type(array).__name__}")


def _layout_obstacle(array: NDArray[Any]) -> str:
    """Return why torch cannot look at the memory of `array` as it lies, or nothing."""
    if not array.dtype.isnative:
        return f"its byte order is foreign ({array.dtype.str})"
    if any(stride < 0 for stride in array.strides):
        return f"it has negative strides {array.strides}"
    if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        return "its elements are not aligned"
    return ""


def _change(own: torch.dtype, wanted: torch.dtype, device: torch.device) -> str:
    if device.type != "cpu":
        return f"it is not on {device}"
    return f"{own} is not {wanted}" if own != wanted else ""


def _writable_alias(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only array's memory as writable, for torch to read without a warning.

    `torch.from_numpy` warns of every read-only array; to silence it by `warnings.catch_warnings` is not safe with
    threads. Never hand this on but where the caller was told: `to_tensor` with ``copy=False``.
    """
    return np.asarray(_Alias(array))


class _Alias:
    """The array interface of an array, with its read-only flag off; it keeps the array alive."""

    def __init__(self, array: NDArray[Any]) -> None:
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
        self._array = array


def to_array(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a tensor as an array.

    The array shares the memory of a tensor on the CPU: to write to one writes to the other. It has memory of its own
    where the tensor is on another device, is bfloat16, or has a conjugation or negation that torch had put off.

    Parameters
    ----------
    tensor : torch.Tensor
        On any device, with or without gradients (they are left behind). bfloat16 comes out as float32, exactly.

    Raises
    ------
    InputUnsupportedError
        For sparse, nested, quantized and meta tensors, and dtypes that NumPy has no equal of.
    TypeError
        If `tensor` is no tensor.

    Examples
    --------
    >>> to_array(torch.ones(2, dtype=torch.bfloat16, requires_grad=True))
    array([1., 1.], dtype=float32)
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"a tensor is needed, not {type(tensor).__name__}")
    kind = _refused_kind(tensor)
    if kind:
        raise InputUnsupportedError(
            f"a {kind} tensor cannot become an array",
            cause="only dense tensors can",
            next="take tensor.to_dense() or tensor.dequantize(), or put it on a real device",
        )
    numpy_dtype(tensor.dtype)
    plain = tensor.detach().resolve_conj().resolve_neg()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array: NDArray[Any] = plain.cpu().numpy()
    return array


def _refused_kind(tensor: torch.Tensor) -> str:
    if tensor.is_nested:
        return "nested"
    if tensor.layout != torch.strided:
        return "sparse"
    if tensor.is_quantized:
        return "quantized"
    return "meta" if tensor.is_meta else ""

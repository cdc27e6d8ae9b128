"""What CUDA refuses, waits for or does otherwise than the CPU, for the operations that kernels may meet.

Paths are of pytorch's repository, versions 2.8 to 2.13; "torch's list" is the docstring of
`torch.use_deterministic_algorithms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

_UNSIGNED = frozenset({torch.uint16, torch.uint32, torch.uint64})
_PRODUCTS = {
    **dict.fromkeys(("mm", "addmm", "_addmm_activation"), "addmm_cuda"),
    **dict.fromkeys(("bmm", "baddbmm"), "baddbmm_cuda"),
    **dict.fromkeys(("mv", "addmv"), "addmv_impl_cuda"),
    **dict.fromkeys(("dot", "vdot"), "dot"),
}
"""No integers, no booleans: AT_DISPATCH_FLOATING_AND_COMPLEX_TYPES_AND2 in aten/src/ATen/native/cuda/Blas.cpp."""
_VIEWS = (
    *("alias", "as_strided", "detach", "diagonal", "expand", "permute", "reshape", "select", "slice", "squeeze", "t"),
    *("transpose", "unbind", "unfold", "unsqueeze", "view", "_reshape_alias", "_unsafe_view", "lift_fresh"),
    *("empty", "empty_like", "new_empty"),
)
_TAKES_UNSIGNED = {
    **dict.fromkeys(_VIEWS, "no kernel"),
    **dict.fromkeys(("_to_copy", "clone", "copy", "contiguous"), "cuda/Copy.cu; c10/core/DynamicCast.h"),
    **dict.fromkeys(("fill", "zero", "zeros", "ones", "full"), "cuda/FillKernel.cu"),
    **dict.fromkeys(("new_zeros", "new_full", "zeros_like", "ones_like", "full_like"), "cuda/FillKernel.cu"),
    **dict.fromkeys(("eq", "ne"), "cuda/CompareEQKernel.cu"),
    **dict.fromkeys(("index", "cat", "stack"), "cuda/IndexKernel.cu, cuda/Shape.cu: by the size of an element"),
    "sum": "ReduceOps.cpp: another dtype is cast to first",
    "nan_to_num": "UnaryOps.cpp: integers are copied",
}
"""What takes uint16, uint32 and uint64 on CUDA, and where aten/src/ATen/native says so."""
_ON_CPU_ALONE = frozenset({"histogram", "_histogramdd_bin_edges", "_histogramdd_from_bin_cts"})
"""Dispatched to the CPU alone by aten/src/ATen/native/native_functions.yaml."""
_ATOMIC = frozenset({"cumsum", "index_add", "scatter_add", "scatter_reduce", "put", "index_put", "index_reduce"})
"""Sums of floats in an order that differs from call to call: torch's list."""
_NEVER_SAME = frozenset({"histc", "kthvalue", "median"})
"""Whatever the dtype: torch's list."""
_LOOKED_AT = frozenset(
    {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "equal"}
    # its first and last number (cuda/SummaryOps.cu)
    | {"bincount"}
)
"""Whose result the host must see, or whose shape depends on it."""
_CLAMPED = frozenset({torch.int32, torch.int64, torch.uint16, torch.uint32})
"""To which one instruction casts; 8 bits go by way of others."""


def check_devices(name: str, is_pointwise: bool, leaves: Sequence[torch.Tensor], args: Sequence[Any]) -> None:
    """Raise where tensors of the host meet some of the device: TensorIterator lets in those of no axis alone."""
    hosts = [leaf for leaf in leaves if not leaf.is_cuda]
    if not hosts or len(hosts) == len(leaves) or name == "copy":
        return
    if name in ("index", "index_put") and args[0].is_cuda:
        # indices may lie on the host (TensorAdvancedIndexing.cpp), and a value of no axis (cuda/Indexing.cu)
        hosts = [value for value in args[2:3] if isinstance(value, torch.Tensor) and not value.is_cuda]
        is_pointwise = True
    if is_pointwise and all(host.ndim == 0 for host in hosts):
        return
    raise RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! ({name})"
    )


def check_support(name: str, leaves: Sequence[torch.Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise where CUDA has no kernel, or none that gives the same bits twice."""
    dtypes = {leaf.dtype for leaf in leaves}
    if name in _ON_CPU_ALONE:
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the 'CUDA' backend")
    if name in _PRODUCTS and not all(dtype.is_floating_point or dtype.is_complex for dtype in dtypes):
        raise _not_implemented(_PRODUCTS[name], leaves[0].dtype)
    if name not in _TAKES_UNSIGNED and dtypes & _UNSIGNED:
        raise _not_implemented(name, min(dtypes & _UNSIGNED, key=str))
    is_rounded = any(dtype.is_floating_point or dtype.is_complex for dtype in dtypes)
    adds = name != "index_put" or kwargs.get("accumulate", False) or args[3:4] == (True,)
    weights = [*args[1:2], kwargs.get("weights")]
    is_weighted = name == "bincount" and any(isinstance(weight, torch.Tensor) for weight in weights)
    if name in _NEVER_SAME or (name in _ATOMIC and adds and is_rounded) or is_weighted:
        raise RuntimeError(f"{name} does not have a deterministic implementation on CUDA")


def _not_implemented(kernel: str, dtype: torch.dtype) -> NotImplementedError:
    names = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}
    short = str(dtype).removeprefix("torch.")
    return NotImplementedError(f'"{kernel}" not implemented for {names.get(short, short.replace("ui", "UI"))!r}')


def waits(name: str, leaves: Sequence[torch.Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether the host stands still until the device has come so far."""
    if name == "copy":
        is_behind = kwargs.get("non_blocking", False) or args[2:3] == (True,)
        return len({leaf.is_cuda for leaf in leaves}) > 1 and not is_behind
    if name in ("index", "index_put"):
        return any(leaf.dtype == torch.bool or not leaf.is_cuda for leaf in leaves[1:])
    return name in _LOOKED_AT


def compute(func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Return what CUDA returns, of tensors in host memory."""
    if name in ("mm", "addmm") and func._overloadname in ("dtype", "dtype_out"):
        return _multiply_wide(args, kwargs)
    if name in ("sort", "argsort", "topk"):
        return _rank(func, name, args, kwargs)
    if name in ("_to_copy", "copy"):
        return _cast(func, name, args, kwargs)
    found = func(*args, **kwargs)
    if name in ("empty", "empty_like", "new_empty"):
        poison(found)
    return found


def poison(tensor: torch.Tensor) -> None:
    """Fill memory with bytes of ones: NaN, -1, True."""
    torch.as_strided(tensor, (tensor.numel(),), (1,)).view(torch.uint8).fill_(0xFF)


def _multiply_wide(args: Any, kwargs: dict[str, Any]) -> torch.Tensor:
    """Do ``mm`` or ``addmm`` of halves into float32, which the CPU has not."""
    *terms, a, b = (arg for arg in args if isinstance(arg, torch.Tensor))
    dtype = kwargs.get("out_dtype") or next(arg for arg in args if isinstance(arg, torch.dtype))
    product = a.to(dtype) @ b.to(dtype)
    product = terms[0] + product if terms else product
    return kwargs["out"].copy_(product) if "out" in kwargs else product


def _rank(func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Sort with equals in the reverse order, unless they were asked for in theirs: CUDA promises none."""
    names = [argument.name for argument in func._schema.arguments]
    given = dict(zip(names, args, strict=False)) | kwargs
    dim, x = given.get("dim", -1), given["self"]
    if given.get("stable") or "values" in given or not x.ndim:
        return func(*args, **kwargs)
    descending = given.get("largest", True) if name == "topk" else given.get("descending", False)
    values, places = torch.sort(x.flip(dim), dim=dim, descending=descending, stable=True)
    places = x.shape[dim] - 1 - places
    if name == "topk":
        return values.narrow(dim, 0, given["k"]).clone(), places.narrow(dim, 0, given["k"]).clone()
    return places if name == "argsort" else (values, places)


def _cast(func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Cast floats to integers as the GPU does: what is too large or too small becomes the largest or the smallest.

    NaN becomes 0, or the lowest where either is 64 bits wide (PTX ISA, instruction ``cvt``).
    """
    source = args[1] if name == "copy" else args[0]
    dtype = args[0].dtype if name == "copy" else kwargs.get("dtype") or source.dtype
    if dtype not in _CLAMPED or not (source.is_floating_point() or source.is_complex()):
        return func(*args, **kwargs)
    is_wide = dtype.itemsize == 8 or source.dtype in (torch.float64, torch.complex128)
    real, ends = (source.real if source.is_complex() else source).double(), torch.iinfo(dtype)
    # the largest integer may have no float: what reaches it is put there by itself
    inside = torch.where(real < float(ends.max), real.clamp(min=float(ends.min)), 0)
    cast = torch.where(real >= float(ends.max), ends.max, inside.to(torch.int64))
    cast = torch.where(real.isnan(), ends.min if is_wide else 0, cast).to(dtype)
    return args[0].copy_(cast) if name == "copy" else func(cast, *args[1:], **kwargs)

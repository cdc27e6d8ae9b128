"""Tensors that lie in host memory and behave as if they lay on a GPU: what CUDA would refuse, they refuse.

Every operation of torch that meets one is checked against the rules of `strict_rules.py`, then done by the CPU on the
memory inside. Torch needs no CUDA for it. What one tells the host about its values is noted in `hidden_waits`: on a GPU
the host would stand still for it.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import strict_rules
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("cuda:0")
_HOST = torch.device("cpu")


class HiddenWaits:
    """Where the host waited for the device, in any thread: file and line of this project, and the operation.

    Attributes
    ----------
    places : list of (str, str)
    """

    def __init__(self) -> None:
        self.places: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def note(self, operation: str) -> None:
        """Add a wait where the caller's kernel stands."""
        frames = [frame for frame in traceback.extract_stack() if "/jobs/" in frame.filename]
        frames = [frame for frame in frames if "/tests/" not in frame.filename]
        where = f"{frames[-1].filename.rpartition('/jobs/')[2]}:{frames[-1].lineno}" if frames else "elsewhere"
        with self._lock:
            self.places.append((where, operation))


hidden_waits = HiddenWaits()


class StrictTensor(torch.Tensor):
    """A tensor that says it is on ``cuda:0``.

    Parameters
    ----------
    held : torch.Tensor
        Its values, in host memory.
    """

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> StrictTensor:
        held = held.resolve_conj().resolve_neg()
        # torch's C++ takes it for one of the CPU: on CUDA it asks for a device guard, which other builds do not have
        make: Any = torch.Tensor._make_wrapper_subclass
        shape = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        # torch makes no views of a tensor of this kind that is made for inference
        with torch.inference_mode(False):
            made = make(cls, held.shape, **shape, dtype=held.dtype, device=_HOST)
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, dict(kwargs or {}))

    @property
    def device(self) -> torch.device:
        return DEVICE

    @property
    def is_cuda(self) -> bool:
        return True

    @property
    def is_cpu(self) -> bool:
        return False

    def get_device(self) -> int:
        return 0

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return _move(self, args, kwargs)

    def cpu(self) -> torch.Tensor:
        return _move(self, (_HOST,), {})

    def cuda(self, device: Any = None) -> torch.Tensor:
        return self

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"StrictTensor({self.held!r})"

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() to copy the tensor "
                            "to host memory first.")  # fmt: skip
        return self.cpu().numpy()

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        hidden_waits.note("tolist")
        return self.held.tolist()

    def untyped_storage(self) -> Any:
        return self.held.untyped_storage()

    def data_ptr(self) -> int:
        return self.held.data_ptr()


def upload(tensor: torch.Tensor) -> StrictTensor:
    """Return a copy of a host's tensor on the device, in the same memory order."""
    return StrictTensor(tensor.detach().clone())


def download(value: Any) -> Any:
    """Return what lies in a tensor, or the value itself."""
    return value.held if isinstance(value, StrictTensor) else value


def _compute(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
        # only in inference mode does it come here whole
        parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
    name = func._schema.name.removeprefix("aten::").rstrip("_")
    kwargs.pop("pin_memory", None)
    # a cast names the device that torch's C++ takes the tensor for; what moves one is a method of its own
    to_host = kwargs.pop("device", None) is not None and name != "_to_copy"
    leaves = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, torch.Tensor)]
    strict_rules.check_devices(name, torch.Tag.pointwise in func.tags, leaves, args)
    strict_rules.check_support(name, leaves, args, kwargs)
    if strict_rules.waits(name, leaves, args, kwargs):
        hidden_waits.note(name)
    found = strict_rules.compute(func, name, tree_map(download, args), tree_map(download, kwargs))
    if to_host or (name == "copy" and not isinstance(args[0], StrictTensor)):
        # what is asked for on CUDA by name has been met by `_OnDevice`
        return found if to_host else args[0]
    known = {id(leaf.held): leaf for leaf in leaves if isinstance(leaf, StrictTensor)}
    return tree_map(lambda each: _wrap(each, known), found)


def _wrap(found: Any, known: dict[int, StrictTensor]) -> Any:
    if not isinstance(found, torch.Tensor):
        return found
    own = known.get(id(found))
    if own is None:
        return StrictTensor(found)
    if own.shape != found.shape or own.stride() != found.stride():
        raise NotImplementedError(f"an operation gave a tensor in place another shape: {own.shape} to {found.shape}")
    return own


class _OnDevice(TorchFunctionMode):
    """Answers calls that ask for a tensor on CUDA, before torch looks for CUDA."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        kwargs.pop("pin_memory", None)
        if func is torch.Tensor.to:
            return _move(args[0], args[1:], kwargs)
        if func is torch.Tensor.cuda:
            return _move(args[0], (DEVICE,), {})
        if func is torch.Tensor.cpu or not _is_cuda(kwargs.get("device")):
            return func(*args, **kwargs)
        del kwargs["device"]
        if any(isinstance(leaf, StrictTensor) for leaf in tree_flatten(args)[0]):
            return func(*args, **kwargs)
        return _make(func, args, kwargs)


def _is_cuda(device: Any) -> bool:
    return device is not None and not isinstance(device, int) and torch.device(device).type == "cuda"


def _make(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> StrictTensor:
    name = getattr(func, "__name__", "")
    if name == "asarray":
        # of an array that nobody may write to torch warns only where it shares the memory
        args = (np.array(args[0]), *args[1:])
    made = func(*args, **kwargs, device="cpu")
    if name in ("tensor", "as_tensor", "asarray"):
        hidden_waits.note(name)
    if name.startswith(("empty", "new_empty")):
        strict_rules.poison(made)
    return upload(made)


def _move(tensor: torch.Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> torch.Tensor:
    """Do ``tensor.to(*args, **kwargs)``."""
    device, change = _parse_move(args, kwargs)
    plain: Any = torch.Tensor.to
    is_held = isinstance(tensor, StrictTensor)
    if device is None or (device.type == "cuda") == is_held:
        return plain(tensor, **change) if change else tensor
    if not change.pop("non_blocking", False):
        hidden_waits.note("to")
    host = tensor.held if isinstance(tensor, StrictTensor) else tensor
    moved = (plain(host, **change) if change else host).detach().clone()
    return moved if is_held else upload(moved)


def _parse_move(args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[torch.device | None, dict[str, Any]]:
    """Return the device that is asked for, and the other arguments by their names."""
    change = {name: value for name, value in kwargs.items() if value is not None}
    device, flags = change.pop("device", None), ["copy", "non_blocking"]
    for arg in (*args, *([change.pop("other")] if "other" in change else [])):
        if isinstance(arg, torch.Tensor):
            device, change["dtype"] = arg.device, arg.dtype
        elif isinstance(arg, torch.dtype):
            change["dtype"] = arg
        elif isinstance(arg, bool):
            change[flags.pop()] = arg
        elif arg is not None:
            device = arg
    return None if device is None else torch.device(device), change


@contextmanager
def on_device() -> Iterator[None]:
    """Let calls of this thread make tensors on the device meanwhile."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    # a module's parameters become others: memory of the host cannot be swapped for that inside a tensor
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with _OnDevice():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)

"""How a function travels to a worker and back: as one pickle, with no tensor in it.

Dask serialises CUDA and bfloat16 tensors wrongly: gathering one raises, and a dependent task on another worker waits
for ever. A tensor at the border of a task is therefore refused at once, on every kind of session alike.
"""

from __future__ import annotations

import dataclasses
import pickle
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["pack_call", "pack_task", "refuse_tensors", "run_packed", "run_task"]


def run_task(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Return ``function(*args)``.

    Raises
    ------
    TypeError
        If an argument or the result holds a `torch.Tensor`.

    Examples
    --------
    >>> run_task(max, (2, 3))
    3
    """
    refuse_tensors(args, "an argument")
    result = function(*args)
    refuse_tensors(result, "the result")
    return result


def pack_task(function: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """Return a task as bytes.

    A function of a script or a notebook travels by value, since a worker could not import it. Dask is handed bytes,
    so it neither hashes the arguments nor looks into them for keys.

    Raises
    ------
    TypeError
        If an argument holds a `torch.Tensor` or cannot be pickled.

    Examples
    --------
    >>> run_packed(pack_task(lambda a, b: a + b, (2, 3)))
    5
    """
    import cloudpickle

    refuse_tensors(args, "an argument")
    return bytes(cloudpickle.dumps((function, args)))


def pack_call(function: Callable[..., Any], *args: Any) -> bytes:
    """Return a call of a function that workers can import as bytes, for `run_packed`: a few hundred of them."""
    return pickle.dumps((function, args), protocol=pickle.HIGHEST_PROTOCOL)


def run_packed(task: bytes) -> Any:
    """Run a packed task and return its result."""
    function, args = pickle.loads(task)
    return run_task(function, args)


def refuse_tensors(value: object, what: str) -> None:
    """Raise if a value is a tensor or a container that holds one.

    Raises
    ------
    TypeError
        If there is a `torch.Tensor` in the value, its containers, or the fields of its dataclasses.
    """
    torch = sys.modules.get("torch")
    # Before torch is imported there can be no tensor, and importing it to ask would cost 2 s. While another thread
    # imports it, the module has no Tensor yet.
    tensor_type = getattr(torch, "Tensor", None)
    if tensor_type is not None and _holds(value, tensor_type):
        raise TypeError(
            f"{what} of a task is or holds a torch.Tensor, which Dask cannot carry safely: "
            "return tensor.cpu().numpy(), pass (path, region)"
        )


def _holds(value: object, kind: type) -> bool:
    if isinstance(value, kind):
        return True
    return any(_holds(part, kind) for part in _parts(value))


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # A slotted field may be unset.
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return ()

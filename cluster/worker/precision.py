"""PyTorch's precision flags on CUDA: set by name of the policy, read back, and restored.

Torch 2.9 replaced ``allow_tf32`` by ``fp32_precision``, and raises where somebody reads an old name that says other
than the new ones: its own ``torch.export`` and ``cudnn.flags``, which a user's model may call. So both are set.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from ..config import Precision

__all__ = ["preserve_flags", "read_flags", "set_flags"]

_NEW_TF32 = ("cuda.matmul.fp32_precision", "cudnn.conv.fp32_precision", "cudnn.rnn.fp32_precision")
_OLD_TF32 = ("cuda.matmul.allow_tf32", "cudnn.allow_tf32")
_REDUCED = (
    "cuda.matmul.allow_fp16_reduced_precision_reduction",
    "cuda.matmul.allow_bf16_reduced_precision_reduction",
)


def set_flags(precision: Precision) -> dict[str, str]:
    """Set PyTorch's flags for a precision policy and return them as read back.

    Imports torch.

    Parameters
    ----------
    precision : {"strict", "standard", "fast", "fast-fp32", "fast-bf16"}
        ``fast`` allows TF32; the others forbid it. Sums in half precision are forbidden in all.

    Raises
    ------
    RuntimeError
        If a flag does not read back as it was set.
    """
    wanted = _wanted_flags(precision)
    # the old names first: to set them resets the new ones
    _write(dict.fromkeys(_OLD_TF32, precision == "fast"))
    _write(wanted)
    found = read_flags()
    wrong = [f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if found[name] != str(wanted[name])]
    if wrong:
        raise RuntimeError(f"PyTorch did not take its precision flags: {'; '.join(wrong)}")
    return found


def read_flags() -> dict[str, str]:
    """Return PyTorch's precision flags as they are now. Imports torch."""
    return {name: str(value) for name, value in _read().items()}


@contextmanager
def preserve_flags() -> Iterator[None]:
    """Restore the flags at the end, where torch is already imported: this process is the user's, too."""
    before = {**_read_old(), **_read()} if "torch" in sys.modules else {}
    try:
        yield
    finally:
        _write(before)


def _wanted_flags(precision: Precision) -> dict[str, object]:
    allowed = precision == "fast"
    value: object = ("tf32" if allowed else "ieee") if _has_new_names() else allowed
    return {**dict.fromkeys(_tf32_names(), value), **dict.fromkeys(_REDUCED, False)}


def _read() -> dict[str, object]:
    backends = _backends()
    return {name: attrgetter(name)(backends) for name in (*_tf32_names(), *_REDUCED)}


def _read_old() -> dict[str, object]:
    """Return the flags by their old names, unless they cannot be read: somebody has set the new ones alone."""
    try:
        with _unwarned():
            return {name: attrgetter(name)(_backends()) for name in _OLD_TF32}
    except RuntimeError:
        return {}


def _write(flags: Mapping[str, object]) -> None:
    with _unwarned():
        for name, value in flags.items():
            owner, _, attribute = name.rpartition(".")
            setattr(attrgetter(owner)(_backends()), attribute, value)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Keep torch from telling our user, once in each process, that the old names will go: he has not named them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please use the new API settings to control TF32", UserWarning)
        yield


def _tf32_names() -> tuple[str, ...]:
    return _NEW_TF32 if _has_new_names() else _OLD_TF32


def _has_new_names() -> bool:
    return hasattr(_backends().cudnn, "conv")


def _backends() -> Any:
    import torch

    return torch.backends

"""What a function of the user may return: an array, or a tuple or a dict of arrays, of as many rows as it was given."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UserCodeError

__all__ = ["check_rows_kept", "name_outputs"]

_MOST_OUTPUTS, _MOST_SAID = 64, 3


def name_outputs(result: Any) -> dict[str, Any]:
    """Return what was returned by name: "" for one array.

    Raises
    ------
    UserCodeError
        If it is not an array, a tuple or a dict of arrays.

    Examples
    --------
    >>> list(name_outputs((np.zeros(2), np.ones(2)))), list(name_outputs({"label": np.zeros(2)}))
    (['out0', 'out1'], ['label'])
    """
    if isinstance(result, Mapping):
        outputs = dict(result)
    elif isinstance(result, tuple | list):
        names: Sequence[str] = getattr(result, "_fields", None) or [f"out{n}" for n in range(len(result))]
        outputs = dict(zip(names, result, strict=True))
    else:
        outputs = {"": result}
    odd = [name for name in outputs if name != "" and not _is_name(name)]
    odd += [name for name, value in outputs.items() if not _is_array(value)]
    if odd or not 0 < len(outputs) <= _MOST_OUTPUTS:
        kinds = [f"{name or 'it'}: {type(value).__name__}" for name, value in outputs.items()]
        more = [f"and {len(kinds) - _MOST_SAID} more"] if len(kinds) > _MOST_SAID else []
        raise UserCodeError(
            "the function returned what is not worked on",
            cause=", ".join([*kinds[:_MOST_SAID], *more]) or "nothing",
            next="return an array or a tensor of as many rows, or a tuple or a dict of such, under plain names",
        )
    return outputs


def _is_name(name: object) -> bool:
    """Return whether an output may be called so: it becomes part of a file's name, and a field of a named tuple."""
    plain = isinstance(name, str) and name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    return plain and not str(name).startswith("_")


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "detach")


def check_rows_kept(where: str, name: str, value: Any, n_rows: int) -> None:
    """Raise unless an output has as many rows as were given.

    Raises
    ------
    UserCodeError
    """
    if value.ndim and value.shape[0] == n_rows:
        return
    raise UserCodeError(
        f"{where} returned an array of shape {tuple(value.shape)}{f' as {name}' if name else ''}",
        cause=f"{n_rows} rows were given: as many are needed, in their order",
        next="keep axis 0; what looks at all rows at once is another operation",
    )

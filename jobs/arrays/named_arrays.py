"""One of the arrays that a file or a store holds: the one that is named, or the only one."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import InputError
from .locations import Location

__all__ = ["choose_array"]

MOST_SHOWN = 8


def choose_array(location: Location, names: Sequence[str], *, kind: str) -> str:
    """Return the name of the array that is meant.

    Parameters
    ----------
    location : Location
        Its member may be left out if there is one array alone.
    names : sequence of str
        Of all arrays.
    kind : str
        What holds them: "a .npz archive".

    Raises
    ------
    InputError
        If there is none of that name, or there are several and none is named: they are listed.

    Examples
    --------
    >>> choose_array(Location("x.npz", "/x.npz"), ["weights"], kind="a .npz archive")
    'weights'
    """
    if not names:
        raise InputError(f"{location.name}: holds no array", cause=f"it is {kind}", next="name another file")
    if location.member is None:
        if len(names) == 1:
            return names[0]
        raise InputError(
            f"{location.name}: is {kind} of {len(names)} arrays, and none is named",
            cause=f"it holds {_list(names)}",
            next=f"name one: {location.file}::{names[0]}",
        )
    wanted = location.member.strip("/")
    if wanted in names:
        return wanted
    near = get_close_matches(wanted, names, n=1)
    raise InputError(
        f"{location.name}: there is no such array",
        cause=f"{location.file} holds {_list(names)}",
        next=f"name one: {location.file}::{near[0] if near else names[0]}",
    )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_SHOWN])
    return shown + (f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else "")

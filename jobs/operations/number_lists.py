"""Numbers and lists of numbers as parameters: as NumPy takes them, and as text of a command line."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import BeforeValidator, StrictFloat, StrictInt

__all__ = ["Number", "Numbers", "NumbersOrName", "Pair"]


def _parse_numbers(value: object) -> object:
    """Read ``"5,50,95"`` as a command line gives it, in one piece or split, and arrays; everything else as it is."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str):
        text = value.strip()
        numbers = tuple(_parse_number(part.strip()) for part in text.strip("()[]").split(",") if part.strip())
        return numbers[0] if len(numbers) == 1 and not re.search(r"[,\[(]", text) else numbers
    if isinstance(value, list | tuple):
        return tuple(_parse_number(part.strip()) if isinstance(part, str) else part for part in value)
    return value


def _parse_number(text: str) -> object:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


Number: TypeAlias = StrictInt | StrictFloat
Numbers = Annotated[Number | tuple[Number, ...], BeforeValidator(_parse_numbers)]
"""One number or several: ``50``, ``(5, 50, 95)``; on the command line ``5,50,95``."""
NumbersOrName = Annotated[Number | tuple[Number, ...] | str, BeforeValidator(_parse_numbers)]
"""One number, several, or a name."""
Pair = Annotated[tuple[Number, Number] | None, BeforeValidator(_parse_numbers)]
"""Two numbers: ``(0, 255)``; on the command line ``0,255``."""

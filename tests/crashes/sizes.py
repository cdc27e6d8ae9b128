"""How much of each suite runs: a sample that is the same each time, or all of it."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["IS_SOAK", "sample"]

IS_SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"

_T = TypeVar("_T")


def sample(choices: Sequence[_T], n_in_tests: int) -> list[_T]:
    """Return so many of the choices, in their order, spread at random but the same each time; in a soak all of them."""
    if IS_SOAK or len(choices) <= n_in_tests:
        return list(choices)
    chosen = random.Random(2).sample(range(len(choices)), n_in_tests)
    return [choices[index] for index in sorted(chosen)]

"""Checks of outputs against NumPy in float64, by none of the code that made them, in bounded memory.

::

    make_problem   an operation, its inputs and outputs ---> Problem
    check_problem  samples of the outputs, recomputed   ---> Findings: error, bound, where
    failure_of     the worst of them beyond its bound   ---> VerificationError, exit code 8
"""

from __future__ import annotations

from .families import check_problem
from .findings import Finding, Place, failure_of, to_json
from .problem import MEMORY_BYTES, Problem, make_problem

__all__ = ["MEMORY_BYTES", "Finding", "Place", "Problem", "check_problem", "failure_of", "make_problem", "to_json"]

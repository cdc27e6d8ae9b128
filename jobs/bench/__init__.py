"""The short comparison for users: the same work by NumPy, torch, and arraymill, on the CPU and on the GPU.

Each contestant is a process of its own that stays for all turns, so that its imports and its first call are paid
before the clock starts, and turns are interleaved. Nothing heavy is imported here.
"""

from .advice import recommend
from .bout import Bout, Score, run_bout
from .works import WORKS, Work, works_of

__all__ = ["WORKS", "Bout", "Score", "Work", "recommend", "run_bout", "works_of"]

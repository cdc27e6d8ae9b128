"""The Python interface of arraymill, and what the command line stands on."""

from __future__ import annotations

from .calls import plan, plan_spec, run, run_spec, submit
from .execution import Outcome
from .handles import JobHandle

__all__ = ["JobHandle", "Outcome", "plan", "plan_spec", "run", "run_spec", "submit"]

"""The Python interface of arraymill, and what the command line stands on."""

from __future__ import annotations

from .calls import plan, plan_spec, run, run_spec
from .execution import Outcome

__all__ = ["Outcome", "plan", "plan_spec", "run", "run_spec"]

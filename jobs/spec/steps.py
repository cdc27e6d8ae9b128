"""One step of a job of several: an operation on inputs of the job, or on results of steps before it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .section import Section

__all__ = ["StepSpec"]


class StepSpec(Section):
    """One step of a job."""

    op: Annotated[str, Field(min_length=1)]
    """The operation (arraymill ops lists them)."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")] | None = None
    """What later steps call its result; by default the operation's name."""
    inputs: tuple[str, ...] = ()
    """What it works on: names of the job's inputs, or of earlier steps ("svd.s" is the output s of a step svd). By
    default the result of the step before, and for the first step the inputs of the job."""
    params: dict[str, Any] = Field({})
    """The operation's parameters, under NumPy's names (arraymill ops NAME)."""

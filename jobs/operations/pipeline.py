"""Steps that a user chains: each is an operation on inputs of the job, or on results of the steps before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..errors import SpecError
from ..headers import ArrayHeader
from ..limits import Limits
from .chain import Chain, Step
from .operation import Operation, Params

__all__ = ["PIPELINE", "PipelineParams", "pipeline"]

PIPELINE = "steps"
"""What a job of several steps has for an operation."""


class PipelineParams(Params):
    """A job of steps has no parameters of its own."""


@dataclass(frozen=True, slots=True)
class _Names:
    """Names that a step may read, in the order in which they come to be."""

    inputs: tuple[str, ...]
    steps: tuple[str, ...]

    def of(self, step: Step) -> tuple[str, ...]:
        """Return what a step reads; where it does not say, the step before, or the inputs of the job."""
        if step.inputs or not step.operation.inputs:
            self._check(step)
            return step.inputs
        if self.steps:
            return self.steps[-1:]
        wanted = len(step.operation.inputs)
        return self.inputs if step.operation.variadic else self.inputs[:wanted]

    def _check(self, step: Step) -> None:
        known = {*self.inputs, *self.steps}
        for name in step.inputs:
            # the outputs of a step are known once it is planned
            if name not in known and name.partition(".")[0] not in self.steps:
                raise SpecError(
                    f"step {step.name} reads {name!r}, which is not there",
                    cause=f"there are {', '.join([*self.inputs, *self.steps])} when its turn comes",
                    next="name an input of the job or an earlier step",
                )


def pipeline(steps: Sequence[Step], input_names: Sequence[str]) -> Operation:
    """Return steps as one operation, whose outputs are those of the last step.

    Parameters
    ----------
    steps : sequence of Step
        Without inputs where they are the usual ones. Steps of the same name are told apart by a number.
    input_names : sequence of str
        What the steps call the inputs of the job.

    Raises
    ------
    SpecError
        If a step reads what is not there.

    Examples
    --------
    >>> from . import OPERATIONS
    >>> steps = [Step("map", OPERATIONS["map"], (), {"expr": "log(x)"}), Step("sum", OPERATIONS["sum"], ())]
    >>> chain = pipeline(steps, ["x"]).chain([], PipelineParams(), None)
    >>> [(step.name, step.inputs) for step in chain.steps]
    [('map', ('x',)), ('sum', ('map',))]
    """
    named: list[Step] = []
    for step in steps:
        names = _Names(tuple(input_names), tuple(before.name for before in named))
        name = _unique(step.name, {*names.inputs, *names.steps})
        named.append(Step(name, step.operation, names.of(step), step.params))
    made = Chain(tuple(named), ())

    def chain(headers: Sequence[ArrayHeader], params: Any, limits: Limits) -> Chain:
        return made

    def oracle(arrays: Sequence[NDArray[Any]], params: Any) -> Any:
        found: dict[str, Any] = dict(zip(input_names, arrays, strict=True))
        for step in named:
            answer = step.operation.oracle([found[name] for name in step.inputs], step.operation.params(**step.params))
            found[step.name] = answer[0] if isinstance(answer, tuple) else answer
        return answer

    summary = " then ".join(step.operation.name for step in named)
    return Operation(PIPELINE, summary, "", tuple(input_names), PipelineParams, None, oracle, chain=chain)


def _unique(name: str, taken: set[str]) -> str:
    numbers = (f"{name}{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbers if each not in taken)

"""What a job of several steps will do: frozen data that answers for all steps what a `Plan` answers for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..headers import ArrayHeader
from ..limits import Budget, Limits
from ..operations import Operation
from ..stages.moves import Moves
from .planning import Plan

__all__ = ["AnyPlan", "ChainPlan", "Fusion", "PlannedStep"]


@dataclass(frozen=True, slots=True)
class Fusion:
    """A step that is computed where its result is read, and never written.

    Parameters
    ----------
    name : str
    inputs : tuple of str
        Names of inputs of the job, of steps, and of other such steps.
    plan : Plan
        Of a map stage.
    fused : mapping of str to Fusion
        Those of its inputs that are such steps themselves.
    """

    name: str
    inputs: tuple[str, ...]
    plan: Plan
    fused: Mapping[str, Fusion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a job.

    Parameters
    ----------
    name : str
        Unique in the job.
    inputs : tuple of str
        Names of inputs of the job, and of earlier steps.
    operation : Operation
        Of one stage.
    plan : Plan
    fused : mapping of str to Fusion
        Those of its inputs that are computed as they are read.
    """

    name: str
    inputs: tuple[str, ...]
    operation: Operation
    plan: Plan
    fused: Mapping[str, Fusion] = field(default_factory=dict)

    @property
    def arrays(self) -> tuple[str, ...]:
        """What it reads: inputs of the job, and results of steps that were written."""
        return tuple(dict.fromkeys(_arrays(self.inputs, self.fused)))


def _arrays(inputs: tuple[str, ...], fused: Mapping[str, Fusion]) -> Iterator[str]:
    for name in inputs:
        if name in fused:
            yield from _arrays(fused[name].inputs, fused[name].fused)
        else:
            yield name


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """A job of several steps, worked out. It answers what a `Plan` answers, for all steps together.

    Parameters
    ----------
    operation : str
    params : mapping
        As given, NumPy's names.
    input_names : tuple of str
        What the steps call the inputs of the job.
    inputs : tuple of ArrayHeader
    steps : tuple of PlannedStep
        In the order in which they run, one after another.
    outputs : tuple of (str, str)
        Name of each output, and of the step that makes it; the first is the main one.
    limits : Limits
    budget : Budget
    n_workers : int
    notes : tuple of str
    """

    operation: str
    params: Mapping[str, Any]
    input_names: tuple[str, ...]
    inputs: tuple[ArrayHeader, ...]
    steps: tuple[PlannedStep, ...]
    outputs: tuple[tuple[str, str], ...]
    limits: Limits
    budget: Budget
    n_workers: int
    notes: tuple[str, ...] = ()

    def header_of(self, output: str) -> ArrayHeader:
        """Return the header of an output, by its name."""
        name = dict(self.outputs)[output]
        return next(step.plan.output for step in self.steps if step.name == name)

    @property
    def output(self) -> ArrayHeader:
        """The header of the main output."""
        return self.header_of(self.outputs[0][0])

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(self.header_of(output).nbytes for output, _ in self.outputs)

    @property
    def offsets(self) -> tuple[int, ...]:
        """How many blocks come before each step: blocks are numbered through the whole job."""
        counts = [step.plan.n_blocks for step in self.steps]
        return tuple(sum(counts[:place]) for place in range(len(counts)))

    @property
    def n_blocks(self) -> int:
        """Number of tasks."""
        return sum(step.plan.n_blocks for step in self.steps)

    @property
    def flops(self) -> int:
        """Floating point operations."""
        return sum(step.plan.flops for step in self.steps)

    @property
    def read_bytes(self) -> int:
        """Bytes read, those of results of earlier steps included."""
        return sum(step.plan.read_bytes for step in self.steps)

    @property
    def write_bytes(self) -> int:
        """Bytes written, those of results that later steps need included."""
        return sum(step.plan.write_bytes for step in self.steps)

    @property
    def task_host_bytes(self) -> int:
        """Largest memory of one task's arrays on the host."""
        return max(step.plan.task_host_bytes for step in self.steps)

    @property
    def task_device_bytes(self) -> int:
        """Largest memory of one task's arrays on a device."""
        return max(step.plan.task_device_bytes for step in self.steps)

    @property
    def seconds(self) -> dict[str, float]:
        """Predicted seconds of each step of the walk of the data, summed over the steps of the job."""
        total: dict[str, float] = {}
        for step in self.steps:
            for name, seconds in step.plan.seconds.items():
                total[name] = total.get(name, 0.0) + seconds
        return total

    @property
    def binding(self) -> str:
        """What the longest step of the job waits for."""
        return max(self.steps, key=lambda step: step.plan.predicted_s).plan.binding

    @property
    def predicted_s(self) -> float:
        """Predicted seconds: the steps run one after another."""
        return sum(step.plan.predicted_s for step in self.steps)

    @property
    def edges_s(self) -> float:
        """Predicted seconds in which steps wait for their first piece or write their last."""
        return sum(step.plan.edges_s for step in self.steps)

    @property
    def least_s(self) -> float:
        """Predicted seconds, were only the fewest bytes moved."""
        return sum(step.plan.least_s for step in self.steps)

    @property
    def is_measured(self) -> bool:
        """Predicted from rates measured on this machine."""
        return all(step.plan.is_measured for step in self.steps)

    @property
    def moves(self) -> Moves:
        """Bytes over the link, for all steps."""
        every = [step.plan.moves for step in self.steps]
        return Moves(
            to_device_bytes=sum(moves.to_device_bytes for moves in every),
            from_device_bytes=sum(moves.from_device_bytes for moves in every),
            least_in_bytes=sum(moves.least_in_bytes for moves in every),
        )

    @property
    def moved_bytes(self) -> int:
        """Bytes over the link, both ways; on the CPU those read and written."""
        return sum(step.plan.moved_bytes for step in self.steps)


AnyPlan: TypeAlias = Plan | ChainPlan
"""Of an operation of one stage, or of several steps."""

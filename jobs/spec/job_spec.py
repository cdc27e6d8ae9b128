"""A job as its user states it: which operation on which files, where, and within which limits.

These models are the job file. What they accept does something; a field of a later version is refused with
a sentence (`spec.errors`) instead of being ignored. They touch no file: `spec.load` reads them,
`plan.planning` judges them.

Paths are taken as a shell takes them: relative to the current directory, a leading ``~`` being the home
directory. ``$VARIABLES`` are not expanded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, field_validator, model_validator

from ..limits import Precision
from ..sizes import limit_bytes, parse_size
from .input import InputSpec
from .output import OutputSpec
from .section import Section
from .steps import StepSpec

__all__ = [
    "ClusterSpec",
    "ComputeSpec",
    "FaultSpec",
    "InputSpec",
    "JobSpec",
    "MemorySpec",
    "OutputSpec",
    "Settings",
    "VerifySpec",
]


def _parse_limit(limit: Any) -> Any:
    if not isinstance(limit, str | int):
        raise ValueError(f'{limit!r} is not a size: write bytes, "60GB", "512MiB" or "70%"')
    parse_size(limit)
    return limit


def _parse_block(block: Any) -> Any:
    if block != "auto" and (not isinstance(block, str | int) or isinstance(parse_size(block), float)):
        raise ValueError(f'{block!r} is not a size of blocks: write auto, bytes, "64MB" or "16MiB"')
    return block


def _parse_workers(workers: Any) -> Any:
    if workers != "auto" and (not isinstance(workers, int) or isinstance(workers, bool) or workers < 1):
        raise ValueError(f"{workers!r} is not a number of workers: write auto, or an integer from 1")
    return workers


def _parse_gpus(gpus: Any) -> Any:
    named = isinstance(gpus, list | tuple) and gpus and all(isinstance(gpu, str) and gpu for gpu in gpus)
    counted = isinstance(gpus, int) and not isinstance(gpus, bool) and gpus >= 1
    if not (gpus is None or named or counted):
        raise ValueError(f"{gpus!r} names no GPUs: write a number from 1, or a list of UUIDs (arraymill doctor)")
    return tuple(gpus) if named else gpus


Limit: TypeAlias = Annotated[str | int, BeforeValidator(_parse_limit)]


class ComputeSpec(Section):
    """What computes, and how exactly."""

    device: Literal["auto", "cuda", "cpu"] = "auto"
    """auto takes a GPU if there is one; cuda without a GPU is an error, never a silent CPU run."""
    precision: Precision = "standard"
    """strict: float64 arithmetic; standard: the input's dtype, sums in float64; fast: TF32 tensor cores; fast-fp32:
    three TF32 products for nearly float32's accuracy; fast-bf16: bfloat16 tensor cores."""
    block: Annotated[str | int, BeforeValidator(_parse_block)] = "auto"
    """A task's share of the largest array, as "64MB"; auto lets the operation choose."""

    @property
    def block_bytes(self) -> int | None:
        """The size of a block in bytes, or None for auto."""
        return None if self.block == "auto" else limit_bytes(self.block, 0)


class MemorySpec(Section):
    """How much memory the job may take."""

    host: Limit = "70%"
    """All workers together: bytes, "60GB", or a share of this machine's (or this container's) memory."""
    device: Limit = "80%"
    """Each GPU: bytes, "60GB", or a share of what is free on it."""


class ClusterSpec(Section):
    """Where the workers run."""

    kind: Literal["auto", "inline", "local", "cuda"] = "auto"
    """inline: this process; local: CPU processes; cuda: one process per GPU; auto: cuda if there is a GPU."""
    workers: Annotated[Literal["auto"] | StrictInt, BeforeValidator(_parse_workers)] = "auto"
    """Worker processes of a local cluster, threads of an inline run. The result does not depend on it."""
    gpus: Annotated[StrictInt | tuple[str, ...] | None, BeforeValidator(_parse_gpus)] = None
    """How many GPUs, or a list of their UUIDs; by default all that are visible."""
    dashboard: StrictBool = False
    """Whether Dask's dashboard is served, on 127.0.0.1 only."""


class FaultSpec(Section):
    """What is done about failures."""

    retries: Annotated[StrictInt, Field(ge=0, le=10)] = 3
    """How often a block is tried again after an error of reading or writing, or the death of its worker."""
    max_worker_deaths: Annotated[StrictInt, Field(ge=0, le=1000)] = 5
    """How many dead workers are replaced before the job fails."""
    on_error: Literal["fail", "skip"] = "fail"
    """skip: leave out blocks that fail everywhere, as NaN or 0, and finish with exit code 7."""
    timeout_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds that one block may take before its worker is replaced; by default ten times the median, at least 60."""
    deterministic: StrictBool = False
    """Fail instead of splitting a block further when memory runs out, where a split could change last bits."""
    hash: Literal["sampled", "full"] = "sampled"
    """How inputs are fingerprinted: 64 samples of 1 MiB, or every byte, which costs one more read."""


class VerifySpec(Section):
    """What is checked against NumPy in float64 before the output gets its name; a job without it is not."""

    sample: Annotated[StrictInt, Field(ge=1, le=10_000)] = 8
    """How many samples are recomputed of each output; of products Freivalds' check also looks at every element."""


class Settings(Section):
    """The part of a job that belongs to the machine: a profile file holds nothing else."""

    version: Literal[1] = 1
    """Version of the file's form."""
    compute: ComputeSpec = ComputeSpec()
    memory: MemorySpec = MemorySpec()
    cluster: ClusterSpec = ClusterSpec()
    fault: FaultSpec = FaultSpec()

    @model_validator(mode="after")
    def _check_agreement(self) -> Settings:
        cluster, device = self.cluster, self.compute.device
        if device == "cpu" and cluster.kind == "cuda":
            raise ValueError("compute.device is cpu and cluster.kind is cuda: change one of them")
        if device == "cuda" and cluster.kind == "local":
            raise ValueError("cluster.kind local computes on CPUs: for compute.device cuda use cuda or inline")
        if cluster.gpus is not None and (device == "cpu" or cluster.kind == "local"):
            raise ValueError("cluster.gpus names GPUs for a job that runs on CPUs: drop one of them")
        return self


class JobSpec(Settings):
    """One job.

    Examples
    --------
    >>> job = JobSpec(op="sum", inputs=["x.npy"], params={"axis": 0}, output="total.npy")
    >>> job.inputs["0"].path, job.output.path, job.compute.precision
    ('x.npy', 'total.npy', 'standard')
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    """How the job is called where it is shown: letters, digits, dot, underscore and dash, at most 64."""
    op: Annotated[str, Field(min_length=1)]
    """The operation (arraymill ops lists them); a job of several has steps in its place."""
    steps: tuple[StepSpec, ...] = ()
    """Operations one after another; elementwise ones are computed where the next step reads them."""
    inputs: dict[str, InputSpec] = Field({})
    """Inputs by the operation's names for them, or a list in its order; each a path, or what InputSpec holds."""
    params: dict[str, Any] = Field({})
    """The operation's parameters, under NumPy's names (arraymill ops NAME)."""
    output: OutputSpec | None = None
    """The output file; a small result without one is printed."""
    verify: VerifySpec | None = None
    """Checks of the output against NumPy in float64; a failed one ends the job with exit code 8."""

    @model_validator(mode="before")
    @classmethod
    def _name_steps(cls, document: Any) -> Any:
        has_steps = isinstance(document, dict) and bool(document.get("steps"))
        return {"op": "steps", **document} if has_steps else document

    @model_validator(mode="after")
    def _check_steps(self) -> JobSpec:
        if self.steps and self.op != "steps":
            raise ValueError(f"a job has op ({self.op}) or steps, not both: make the operation one of the steps")
        if self.steps and self.params:
            raise ValueError("params belong to an operation: give them to the steps")
        return self

    @field_validator("inputs", mode="before")
    @classmethod
    def _name_inputs(cls, inputs: Any) -> Any:
        if isinstance(inputs, str | Path):
            inputs = [inputs]
        if isinstance(inputs, list | tuple):
            inputs = {str(position): path for position, path in enumerate(inputs)}
        if isinstance(inputs, dict):
            return {n: {"path": v} if isinstance(v, str | Path | list | tuple) else v for n, v in inputs.items()}
        return inputs

    @field_validator("output", mode="before")
    @classmethod
    def _open_output(cls, output: Any) -> Any:
        return {"path": output} if isinstance(output, str | Path) else output

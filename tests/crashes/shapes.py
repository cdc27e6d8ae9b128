"""Small jobs, one of each shape of work and one of several steps, in a folder of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import JobFolder

__all__ = ["LARGE", "SHAPES", "Case", "Shape", "new_case", "output_digest"]

OLD_OUTPUT = np.arange(5.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """A job of about ten blocks.

    Parameters
    ----------
    name : str
    op : str
        "steps" where there are several.
    inputs : tuple of (name, shape)
    params : dict
    block : str
        Its size.
    replaces : bool
        The output is there already, and is replaced; otherwise the output gets its name by a link.
    steps : tuple of (op, inputs, params)
    """

    name: str
    op: str
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    params: tuple[tuple[str, Any], ...]
    block: str
    replaces: bool
    steps: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, Any], ...]], ...] = ()


_STEPS = (
    ("transpose", ("a",), ()),
    ("sum", ("transpose",), (("axis", 0),)),
    ("map", ("transpose", "sum"), (("expr", "x - y"),)),
)
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("map", "map", (("a", (40, 50)),), (("expr", "a * 2 + 1"),), "1800B", replaces=False),
        # 3 regions of the output, of 4 parts each
        Shape("reduce", "sum", (("0", (4, 4000)),), (("axis", 0),), "12kB", replaces=True),
        Shape("contract", "matmul", (("0", (12, 16)), ("1", (16, 9))), (), "1kB", replaces=True),
        # one step writes what two others read
        Shape("steps", "steps", (("a", (12, 40)),), (), "1kB", replaces=True, steps=_STEPS),
    )
}


LARGE = Shape("large", "map", (("a", (8, 65536)),), (("expr", "a * 2 + 1"),), "512KiB", replaces=False)
"""Its fingerprint has a chunk for every two blocks."""


@dataclass(frozen=True, slots=True)
class Case:
    """A job's inputs, its output and its home, all in one folder.

    Parameters
    ----------
    folder : Path
    shape : Shape
    """

    folder: Path
    shape: Shape

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def output(self) -> Path:
        return self.folder / "out" / "result.npy"

    @property
    def partial(self) -> Path:
        return self.output.with_name("result.npy.partial")

    def input(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    @property
    def spec(self) -> JobSpec:
        shape = self.shape
        steps = [{"op": op, "inputs": inputs, "params": dict(params)} for op, inputs, params in shape.steps]
        return JobSpec.model_validate(
            {
                "op": shape.op,
                "inputs": {name: str(self.input(name)) for name, _ in shape.inputs},
                "params": dict(shape.params),
                "steps": steps,
                "output": {"path": str(self.output), "if_exists": "replace" if shape.replaces else "error"},
                "cluster": {"kind": "inline", "workers": 1},
                "compute": {"device": "cpu", "block": shape.block},
            }
        )

    def jobs(self) -> list[JobFolder]:
        """Return the jobs of this case's home: none, or one unless it was begun anew."""
        jobs = self.home / "jobs"
        return [JobFolder(path) for path in sorted(jobs.iterdir()) if path.name[0] != "."] if jobs.is_dir() else []

    def lay_out_old_output(self) -> None:
        """Put the file that is to be replaced where the output goes."""
        if self.shape.replaces:
            np.save(self.output, OLD_OUTPUT)


def new_case(folder: Path, name: str) -> Case:
    """Return a job that has not begun, in a new folder."""
    case = Case(folder, LARGE if name == LARGE.name else SHAPES[name])
    (folder / "out").mkdir(parents=True)
    rng = np.random.default_rng(7)
    for name_of_input, shape in case.shape.inputs:
        np.save(case.input(name_of_input), rng.standard_normal(shape))
    case.lay_out_old_output()
    return case


def output_digest(case: Case) -> str:
    """Return what is under the final name: "nothing", "old", or the SHA-256 of the file."""
    try:
        content = case.output.read_bytes()
    except FileNotFoundError:
        return "nothing"
    if case.shape.replaces and content[-OLD_OUTPUT.nbytes :] == OLD_OUTPUT.tobytes() and len(content) < 200:
        return "old"
    return hashlib.sha256(content).hexdigest()

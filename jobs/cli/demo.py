"""``arraymill demo``: real jobs on an input larger than the memory they may take, checked against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ..api import run_spec
from ..errors import VerificationError
from ..plans.chain_plan import AnyPlan
from ..plans.placement import Place
from ..sizes import format_bytes
from ..spec.job_spec import JobSpec
from .chain_view import job_plan_table
from .demo_checks import Difference, check_column_means, check_product
from .demo_inputs import DemoSizes, make_input
from .help import Command
from .progress import show_progress
from .result_view import receipt_line
from .terminal import echo_note

__all__ = ["demo"]


@click.command(
    "demo",
    cls=Command,
    short_help="Run real jobs on this machine and check them against NumPy",
    examples=("arraymill demo", "arraymill demo --folder /scratch/demo --cluster inline"),
)
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), help="Where the files go [demo].")
@click.option("--cluster", type=click.Choice(["auto", "inline", "local", "cuda"]), help="Where the jobs run.")
def demo(folder: Path, cluster: str | None) -> None:
    """Run real jobs on this machine and check them against NumPy.

    Makes an input of 1.3 GB (once), multiplies it and takes its column means within 1 GB of memory, on worker
    processes or the GPUs, and compares every element with NumPy in float64. Takes about half a minute.
    """
    sizes, kind = DemoSizes(), cluster or _default_kind()
    folder.mkdir(parents=True, exist_ok=True)
    a, b = folder / "a.npy", folder / "b.npy"
    _make_inputs(a, b, sizes)
    settings = {"memory": {"host": sizes.memory}, "cluster": {"kind": kind}}
    product = _job("matmul", [a, b], folder / "c.npy", settings)
    means = _job("mean", [a], folder / "means.npy", settings, axis=0)
    _run(product, lambda: check_product(a, b, folder / "c.npy"))
    _run(means, lambda: check_column_means(a, folder / "means.npy"))
    click.echo(_closing(folder, sizes))


def _default_kind() -> str:
    from arraymill.cluster.devices import gpus  # asks the driver: only when nothing else was said

    return "cuda" if gpus() else "local"


def _make_inputs(a: Path, b: Path, sizes: DemoSizes) -> None:
    echo_note(f"input: {a}, {format_bytes(sizes.a_bytes)}; the jobs may take {sizes.memory} of memory")
    made = make_input(a, (sizes.m, sizes.k), seed=1, mean=0.5)
    make_input(b, (sizes.k, sizes.n), seed=2, mean=0.0)
    echo_note("input: written" if made else "input: there already, used again")


def _job(op: str, inputs: list[Path], output: Path, settings: dict[str, dict[str, str]], **params: int) -> JobSpec:
    target = {"path": str(output), "if_exists": "replace"}
    tree = {"op": op, "inputs": [str(path) for path in inputs], "params": params, "output": target, **settings}
    return JobSpec.model_validate(tree)


def _run(job: JobSpec, check: Callable[[], Difference]) -> None:
    """Run one job, showing its plan, and check its result.

    Raises
    ------
    VerificationError
    """

    def on_plan(planned: AnyPlan, place: Place) -> None:
        echo_note("\n" + job_plan_table(planned, place, job.output))
        display.begin()

    with show_progress(job.op) as display:
        outcome = run_spec(job, on_plan=on_plan, on_progress=display.on_progress)
    click.echo(receipt_line(outcome))
    difference = check()
    facts = f"largest error {difference.largest:.2g}, at most {100 * difference.of_bound:.2g} % of its bound"
    if not difference.is_within_bound:
        raise VerificationError(
            f"{job.op} differs from NumPy in float64 by more than its bound",
            cause=f"{facts}; allowed is 100 %",
            safe=f"inputs and result are kept in {Path(str(job.inputs['0'].path)).parent}",
            next="report this with the output of `arraymill doctor`",
        )
    click.echo(f"checked: all {difference.n_checked} elements against NumPy in float64: {facts}")


def _closing(folder: Path, sizes: DemoSizes) -> str:
    a, b, c = (folder / name for name in ("a.npy", "b.npy", "c.npy"))
    return "\n".join(
        [
            "",
            f"Everything is in {folder}/: inputs a.npy and b.npy, results c.npy and means.npy. Remove it at will.",
            "",
            "Try next:",
            f"  arraymill run std {a} --axis 0 -o {folder / 'std.npy'}",
            f'  arraymill run map {a} --expr "sqrt(abs(x))" -o {folder / "roots.npy"}',
            f"  arraymill plan matmul {a} {b} --precision strict",
            f"  python -c \"import numpy; print(numpy.load('{c}', mmap_mode='r').shape)\"",
            "  arraymill ops",
        ]
    )

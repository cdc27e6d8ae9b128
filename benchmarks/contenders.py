"""Who takes part: a module each, whose `opened` starts what is needed and gives a function from files to a file.

Each run has its own process (see `child`), so that no setting of one, as the thread limits that a Dask nanny leaves in
its environment, reaches another.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from .cases import Case

__all__ = ["ARRAYMILL", "CONTENDERS", "SHELL_CONTENDERS", "Contender", "Finish", "Order", "Variant", "why_not"]

ARRAYMILL = "arraymill"
"""The contender that the others are compared with."""

Variant: TypeAlias = dict[str, Any]
Finish: TypeAlias = Callable[[], dict[str, Any]]
"""What a contender does after the clock has stopped: makes its output readable for the check, and says facts."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a contender's process is told, as JSON.

    Parameters
    ----------
    module : str
    variant : dict
        Keyword arguments of the module's `opened`.
    operation : str
    params : dict
    inputs : list of str
    output : str
    rehearsal_inputs : list of str
        Small files of the same kind.
    durable : bool
        The output is synced to disk before the clock stops.
    """

    module: str
    variant: Variant
    operation: str
    params: dict[str, Any]
    inputs: list[str]
    output: str
    rehearsal_inputs: list[str]
    durable: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to compute the cases.

    Parameters
    ----------
    name : str
    module : str
        Of this package.
    variants : tuple of dict
        Of several, each case's fastest in a trial round runs the counted rounds.
    takes : tuple of str
        The settings of a case that it follows.
    operations : tuple of str, optional
        What it can do; everything when left out.
    needs : str
        The library that it cannot do without.
    writes : bool
        Whether there is a result to check.
    most_rounds : int
        For who takes far longer than the others.
    input_copies : float
        How often it holds the inputs in memory, about: what its first turn is made ready for.
    """

    name: str
    module: str
    variants: tuple[Variant, ...] = field(default=({},))
    takes: tuple[str, ...] = ()
    operations: tuple[str, ...] | None = None
    needs: str = "numpy"
    writes: bool = True
    most_rounds: int = 1000
    input_copies: float = 0.1

    def variants_for(self, case: Case) -> list[Variant]:
        """Return its variants with the settings of a case that it follows."""
        followed = {name: value for name, value in case.settings.items() if name in self.takes}
        return [variant | followed for variant in self.variants]


_PLACES = ("threads", "processes")
_CUBED = (("threads", 32), ("threads", 128), ("processes", 128))
_REDUCTIONS = ("sum", "mean", "max", "var", "std")
_DEVICE = ("device", "precision", "device_memory")

CONTENDERS = (
    Contender(ARRAYMILL, "by_arraymill", ({"cluster": "inline"},), takes=_DEVICE),
    Contender("arraymill-local", "by_arraymill", ({"cluster": "local"},)),
    Contender("arraymill-budget", "by_arraymill", ({"cluster": "local"},), takes=("memory_per_worker",)),
    Contender("numpy", "by_numpy", input_copies=1.0),
    Contender("torch", "by_torch", input_copies=1.0),
    Contender(
        "dask",
        "by_dask",
        tuple({"scheduler": place, "chunk_mib": chunk_mib} for place in _PLACES for chunk_mib in (16, 128)),
        input_copies=1.0,
    ),
    Contender(
        "cubed",
        "by_cubed",
        tuple({"executor": place, "chunk_mib": mib} for place, mib in _CUBED),
        operations=(*_REDUCTIONS, "matmul", "gram"),
        needs="cubed",
    ),
    Contender(
        "seeds", "by_seeds", takes=("device",), operations=(*_REDUCTIONS, "matmul"), most_rounds=1, input_copies=3.0
    ),
    Contender("disk", "by_disk", writes=False),
)


def why_not(contender: Contender, case: Case) -> str | None:
    """Return why a contender cannot do a case, or None if it can.

    >>> from .case_table import chosen_cases
    >>> why_not(next(item for item in CONTENDERS if item.name == "seeds"), chosen_cases(["cov-512"])[0])
    'cannot: no cov'
    """
    if case.from_shell and contender.name not in SHELL_CONTENDERS:
        return "cannot: it has no command of its own"
    if find_spec(contender.needs) is None:
        return f"cannot: {contender.needs} is not installed"
    if contender.operations is not None and case.operation not in contender.operations:
        return f"cannot: no {case.operation}"
    return None


def _arraymill_command(order: Order) -> list[str]:
    command = str(Path(sysconfig.get_path("scripts")) / "arraymill")
    return [command, "run", order.operation, *order.inputs, "-o", order.output, "--force"]


def _numpy_command(order: Order) -> list[str]:
    inputs = ", ".join(f"np.load({path!r}, mmap_mode='r')" for path in order.inputs)
    script = f"import numpy as np; np.save({order.output!r}, np.{order.operation}({inputs}))"
    return [sys.executable, "-c", script]


SHELL_CONTENDERS = {ARRAYMILL: _arraymill_command, "numpy": _numpy_command}
"""Commands of the cases that compare whole processes."""

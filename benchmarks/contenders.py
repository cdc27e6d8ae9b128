"""Who takes part: a module each, whose `opened` starts what is needed and gives a function from files to a file.

Each run has its own process (see `child`), so that no setting of one, as the thread limits that a Dask nanny leaves in
its environment, reaches another.
"""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["ARRAYMILL", "CONTENDERS", "SHELL_CONTENDERS", "Contender", "Order", "Variant"]

ARRAYMILL = "arraymill"
"""The contender that the others are compared with."""

Variant: TypeAlias = dict[str, Any]


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
    """

    name: str
    module: str
    variants: tuple[Variant, ...] = field(default=({},))


CONTENDERS = (
    Contender(ARRAYMILL, "by_arraymill", ({"cluster": "inline"},)),
    Contender("arraymill-local", "by_arraymill", ({"cluster": "local"},)),
    Contender("numpy", "by_numpy"),
    Contender("torch", "by_torch"),
    Contender(
        "dask",
        "by_dask",
        tuple(
            {"scheduler": scheduler, "chunk_mib": chunk_mib}
            for scheduler in ("threads", "processes")
            for chunk_mib in (16, 128)
        ),
    ),
    Contender("seeds", "by_seeds"),
)


def _arraymill_command(order: Order) -> list[str]:
    command = str(Path(sysconfig.get_path("scripts")) / "arraymill")
    return [command, "run", order.operation, *order.inputs, "-o", order.output, "--force"]


def _numpy_command(order: Order) -> list[str]:
    inputs = ", ".join(f"np.load({path!r}, mmap_mode='r')" for path in order.inputs)
    script = f"import numpy as np; np.save({order.output!r}, np.{order.operation}({inputs}))"
    return [sys.executable, "-c", script]


SHELL_CONTENDERS = {ARRAYMILL: _arraymill_command, "numpy": _numpy_command}
"""Commands of the cases that compare whole processes."""

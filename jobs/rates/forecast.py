"""How long a job will take, from the bytes and operations of its steps and the rates of a machine: predicted, not run.

All steps run at once, each on another part of the data, so a job takes as long as its longest step; before that step
has something to do the first slab must arrive, and after it has ended the last tile must leave::

    read      ####################
    copy in    ####################
    compute     ------###########################     the longest step
    copy out            ---      ---      ---  ###
    write                 ----     ----    ---- ####
              |fill|                         |drain|
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..stages.moves import Moves
from .workers import Rates

__all__ = ["Forecast", "Load", "forecast"]


@dataclass(frozen=True, slots=True)
class Load:
    """What a job moves and computes.

    Parameters
    ----------
    read_bytes, write_bytes, flops : int
    moves : Moves
    core_s : float
        Seconds of one core, beside those that the operations take at the rate of products.
    """

    read_bytes: int
    write_bytes: int
    flops: int
    moves: Moves
    core_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """Predicted seconds of a job.

    Parameters
    ----------
    seconds : dict of str to float
        Of each step if it ran alone: "read", "to_device", "compute", "from_device", "write"; no copies on the CPU.
    edges_s : float
        In which the longest step has nothing to do yet, or no more.
    least_s : float
        Of the longest step, were only the bytes moved that every schedule must move.
    is_measured : bool
        From rates measured on this machine; else from nominal ones of the device class.
    """

    seconds: Mapping[str, float]
    edges_s: float = 0.0
    least_s: float = 0.0
    is_measured: bool = False


def forecast(load: Load, rates: Rates, n_busy: int) -> Forecast:
    """Return the predicted seconds of a job on workers of these rates.

    Parameters
    ----------
    load : Load
    rates : Rates
        Of one worker, and of all on a machine together.
    n_busy : int
        Workers that have something to do.

    Examples
    --------
    >>> load = Load(8 * 10**9, 10**9, 10**12, Moves(least_in_bytes=4 * 10**9))
    >>> made = forecast(load, Rates(8e9, 4e10, 1e9, 2e9, 1e11), 2)
    >>> made.seconds, made.least_s
    ({'read': 0.5, 'compute': 5.0, 'write': 0.5}, 5.0)
    """
    moves = load.moves
    speeds = rates.together(n_busy)
    amounts = {
        "read": load.read_bytes,
        "to_device": moves.to_device_bytes,
        "compute": load.flops,
        "from_device": moves.from_device_bytes,
        "write": load.write_bytes,
    }
    if not moves.to_device_bytes:
        del amounts["to_device"], amounts["from_device"]
    seconds = {step: amount / speeds[step] for step, amount in amounts.items()}
    core_s = load.core_s / n_busy
    seconds["compute"] += core_s
    least = {"read": moves.least_in_bytes, "to_device": moves.least_in_bytes}
    extra = {"compute": core_s}
    least_s = max(
        min(least.get(step, amount), amount) / speeds[step] + extra.get(step, 0.0) for step, amount in amounts.items()
    )
    binding = max(seconds, key=lambda step: seconds[step])
    edges = {
        "read": moves.fill_bytes / rates.read,
        "to_device": moves.fill_bytes / rates.to_device,
        "from_device": moves.drain_bytes / rates.from_device,
        "write": moves.drain_bytes / rates.write,
    }
    edges_s = sum(edge_s for step, edge_s in edges.items() if step != binding)
    return Forecast(seconds, edges_s, least_s, rates.is_measured)

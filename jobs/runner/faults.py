"""What is done about a block that failed: decided from its history alone, so that a table can hold every case.

==========  ==============================================  ======================================================
kind        what happened                                   what is done
==========  ==============================================  ======================================================
io          an OSError                                      again after 0.1 s, 0.2 s, 0.4 s ...; `retries` times
error       any other exception                             again; the same one twice, or three of them: it fails
bystander   its worker died while it ran another block      again; nothing is held against it
death       its worker died while it ran this block         again, *alone*; 3 deaths while alone: it fails
oom         the same, by the kernel's out-of-memory killer  again, alone, once; then it does not fit
timeout     it took too long, and its worker was replaced   again; twice: it fails
device      the worker's GPU gave errors that stick         again; held against the GPU
==========  ==============================================  ======================================================

Alone means that no other block is out: then a death is nobody else's doing (cubed, Dask and Spark blame every task
that a dead worker held).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .policy import FaultPolicy

__all__ = ["Action", "Failure", "FailureKind", "Verdict", "counted", "judge_block", "judge_device"]

FailureKind: TypeAlias = Literal["io", "error", "bystander", "death", "oom", "timeout", "device"]
Action: TypeAlias = Literal["again", "alone", "fail", "no-fit"]

MOST_ERRORS = 3
MOST_DEATHS_ALONE = 3
MOST_TIMEOUTS = 2
MOST_OOM_DEATHS = 2
FAULTS_OF_A_DEVICE = 2
BACK_OFF_S = 0.1
_LONGEST_BACK_OFF_S = 30.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt of a block.

    Parameters
    ----------
    kind : str
    message : str
        What was raised; equal messages are the same error.
    is_alone : bool
        No other block was out.
    """

    kind: FailureKind
    message: str = ""
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done about a block.

    Parameters
    ----------
    action : {"again", "alone", "fail", "no-fit"}
    delay_s : float
        Seconds before it is sent again.
    """

    action: Action
    delay_s: float = 0.0


def judge_block(history: Sequence[Failure], policy: FaultPolicy) -> Verdict:
    """Return what is done about a block with these failures, the last of which has just happened.

    Examples
    --------
    >>> judge_block([Failure("io", "OSError: busy")] * 2, FaultPolicy(retries=3))
    Verdict(action='again', delay_s=0.2)
    >>> judge_block([Failure("death", is_alone=True)] * 3, FaultPolicy())
    Verdict(action='fail', delay_s=0.0)
    """
    last, n_alike = history[-1], sum(failure.kind == history[-1].kind for failure in history)
    # once suspected of killing workers, a block stays away from others
    again: Action = "alone" if any(failure.kind in ("death", "oom") for failure in history) else "again"
    if last.kind == "io":
        delay_s = min(BACK_OFF_S * 2 ** (n_alike - 1), _LONGEST_BACK_OFF_S)
        return Verdict(again, delay_s) if n_alike <= policy.retries else Verdict("fail")
    if last.kind == "error":
        is_repeated = sum(failure == last or failure.message == last.message for failure in history) > 1
        return Verdict("fail" if is_repeated or n_alike >= min(MOST_ERRORS, policy.retries + 1) else again)
    if last.kind == "death":
        n_alone = sum(failure.kind == "death" and failure.is_alone for failure in history)
        return Verdict("fail" if n_alone >= MOST_DEATHS_ALONE else again)
    if last.kind == "oom":
        return Verdict("no-fit" if n_alike >= MOST_OOM_DEATHS and last.is_alone else again)
    if last.kind == "timeout":
        return Verdict("fail" if n_alike >= MOST_TIMEOUTS else again)
    return Verdict(again)


def counted(history: Sequence[Failure]) -> int:
    """Return how many of a block's failures are its own, as a message counts them.

    >>> counted([Failure("bystander"), Failure("error"), Failure("error")])
    2
    """
    return sum(failure.kind not in ("bystander", "device") for failure in history)


def judge_device(n_faults: int) -> Literal["replace", "retire"]:
    """Return whether the worker of a device that failed so many times is started once more."""
    return "replace" if n_faults < FAULTS_OF_A_DEVICE else "retire"

"""What is known of the workers of one cluster where their nannies are, and how to be rid of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..children import kill_children
from .deaths import Death
from .nanny import WorkerNanny, nannies_of
from .process import WorkerFacts

__all__ = ["WorkerKeeper", "ask_keeper"]


@dataclass(frozen=True, slots=True)
class WorkerKeeper:
    """Looks after the workers whose nannies live in this process.

    Parameters
    ----------
    folder : str
        Where the cluster's workers have their files: what tells its nannies from others.

    Examples
    --------
    >>> keeper = WorkerKeeper("/nowhere")
    >>> keeper.facts(), keeper.replace(4242), keeper.retire("cpu0")
    ((), False, False)
    """

    folder: str

    def facts(self) -> tuple[WorkerFacts, ...]:
        """Return what the workers are that are not lost; pids are those of the processes that run now."""
        found = ((nanny.facts, nanny.started_pid) for nanny in self._nannies() if not nanny.is_lost)
        now = (replace(facts, pid=pid or facts.pid) for facts, pid in found if facts is not None)
        return tuple(sorted(now, key=lambda facts: (len(facts.name), facts.name)))

    def problem(self) -> str:
        """Return why workers are lost, as far as it is known."""
        errors = ((nanny.worker_name, nanny.start_error) for nanny in self._nannies())
        causes = [f"worker {name}: {_first_cause(error)}" for name, error in errors if error is not None]
        return "; ".join(causes) or "none is left that may be started again"

    def death_of(self, name: Any, pid: int) -> Death:
        """Return how a worker's process ended, by Dask's name of the worker; its exit code is None until it has."""
        for nanny in self._nannies():
            if nanny.name == name:
                return nanny.deaths.get(pid) or Death(nanny.worker_name, pid)
        return Death(str(name), pid)

    def replace(self, pid: int) -> bool:
        """Kill a worker's process, which is then started again; return False if it is no worker's, or has ended."""
        return any(nanny.end_process(pid) for nanny in self._nannies())

    def retire(self, name: str) -> bool:
        """Kill a worker's process for good; return False if no worker that is left has this name."""
        for nanny in self._nannies():
            if nanny.worker_name == name and not nanny.is_lost:
                nanny.retire()
                if nanny.pid is not None:
                    nanny.end_process(nanny.pid)
                return True
        return False

    def end_all(self) -> None:
        """Kill every worker for good and wait until they are gone."""
        nannies = self._nannies()
        for nanny in nannies:
            nanny.retire()
        kill_children(pid for nanny in nannies for pid in (nanny.started_pid, nanny.pid) if pid is not None)

    def _nannies(self) -> list[WorkerNanny]:
        return nannies_of(self.folder)


def _first_cause(error: BaseException) -> BaseException:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error


def ask_keeper(folder: str, method: str, *args: Any) -> Any:
    """Return what a method of the keeper returns; travels to the process where the nannies are.

    >>> ask_keeper("/nowhere", "replace", 4242)
    False
    """
    return getattr(WorkerKeeper(folder), method)(*args)

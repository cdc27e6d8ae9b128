"""What can go wrong with the place where a job runs.

::

    ClusterError                        9   no cluster to run on
    ├── ClusterConfigError (ValueError) 2   the cluster's settings contradict each other
    ├── NoGpuError         (LookupError) 9  CUDA was asked for and there is no usable GPU
    ├── ClusterStartError  (RuntimeError) 9 the workers did not start or failed their health check
    ├── ClusterBusyError   (BlockingIOError) 11 a warm cluster runs already
    ├── ClusterLostError   (ConnectionError) 9 the scheduler or all workers went away
    └── WorkerDiedError    (RuntimeError) 9 the worker process that ran a task died; the task may be run again

Every error holds the four lines that a user is shown: what happened, the cause, what is safe, and what to do next.
"""

from __future__ import annotations

import signal

__all__ = [
    "ClusterBusyError",
    "ClusterConfigError",
    "ClusterError",
    "ClusterLostError",
    "ClusterStartError",
    "NoGpuError",
    "WorkerDiedError",
]

_PARTS = ("what", "cause", "safe", "next")


class ClusterError(Exception):
    """No cluster to run on.

    Parameters
    ----------
    what, cause, safe, next : str
        What happened; the value met and the value allowed; what was not lost; what to do about it.
    """

    exit_code = 9
    id = "cluster"

    def __init__(self, what: str, *, cause: str = "", safe: str = "", next: str = "") -> None:
        super().__init__(what, cause, safe, next)
        self.what, self.cause, self.safe, self.next = what, cause, safe, next

    def __str__(self) -> str:
        lines = [f"  {part + ':':<6} {text}" for part in _PARTS[1:] if (text := getattr(self, part))]
        return "\n".join([self.what, *lines])

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.cause, self.safe, self.next)


def _rebuild(kind: type[ClusterError], what: str, cause: str, safe: str, next_step: str) -> ClusterError:
    return kind(what, cause=cause, safe=safe, next=next_step)


class ClusterConfigError(ClusterError, ValueError):
    """The settings of the cluster are wrong or contradict each other."""

    exit_code = 2
    id = "cluster-config"


class NoGpuError(ClusterError, LookupError):
    """CUDA was asked for and there is no usable GPU."""

    id = "no-gpu"


class ClusterStartError(ClusterError, RuntimeError):
    """The workers did not start, or one failed its health check."""

    id = "cluster-start"


class ClusterBusyError(ClusterError, BlockingIOError):
    """A warm cluster runs already, and there is one per user."""

    exit_code = 11
    id = "cluster-running"

    __str__ = ClusterError.__str__


class ClusterLostError(ClusterError, ConnectionError):
    """The scheduler or every worker went away while the job ran."""

    id = "cluster-lost"

    __str__ = ClusterError.__str__


class WorkerDiedError(ClusterError, RuntimeError):
    """The worker process that held a task died, so the task has no result.

    Attributes
    ----------
    worker : str
        Name of the worker, as in `WorkerFacts.name`.
    pid : int or None
        The process that died.
    exitcode : int or None
        How it ended: the exit status, or minus the number of the signal that killed it.
    is_oom : bool
        Whether the kernel killed it because memory ran out.

    Examples
    --------
    >>> print(WorkerDiedError.of("cpu0", pid=4242, exitcode=-9))
    worker cpu0 (pid 4242) was killed by SIGKILL
    """

    id = "worker-died"
    is_worker_death = True
    worker = ""
    pid: int | None = None
    exitcode: int | None = None
    is_oom = False

    @classmethod
    def of(cls, worker: str, *, pid: int | None, exitcode: int | None, oom_group: str = "") -> WorkerDiedError:
        """Return the error for the end of a worker's process.

        Parameters
        ----------
        worker : str
        pid, exitcode : int or None
            None where it is not known.
        oom_group : str
            The control group whose memory ran out, if that is why.
        """
        process = f" (pid {pid})" if pid is not None else ""
        end = f"was killed by the kernel's out-of-memory killer (cgroup {oom_group})"
        error = cls(f"worker {worker}{process} {end if oom_group else _describe_exit(exitcode)}")
        error.worker, error.pid, error.exitcode, error.is_oom = worker, pid, exitcode, bool(oom_group)
        return error

    def __reduce__(self) -> tuple[object, ...]:
        facts = {"worker": self.worker, "pid": self.pid, "exitcode": self.exitcode, "is_oom": self.is_oom}
        return (*super().__reduce__(), facts)


def _describe_exit(exitcode: int | None) -> str:
    if exitcode is None:
        return "died"
    if exitcode >= 0:
        return f"exited with status {exitcode}"
    try:
        return f"was killed by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"was killed by signal {-exitcode}"

"""A session in this process: a pool of threads, no Dask; for small jobs, tests and one GPU."""

from __future__ import annotations

import concurrent.futures
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Literal

from .config import ClusterConfig
from .devices import cpu_count, select_gpus
from .errors import ClusterError, ClusterLostError, ClusterStartError
from .worker.precision import preserve_flags
from .worker.process import Device, WorkerFacts, prepare_process
from .worker.shared import Bound, run_batch
from .worker.tasks import refuse_tensors, run_task
from .worker.threads import thread_pools

__all__ = ["InlineSession"]


class InlineSession:
    """Runs tasks on threads of this process, each product on one thread of BLAS until the session is closed.

    Parameters
    ----------
    config : ClusterConfig
        ``gpus`` asks for the GPU; then one worker is the default, else one per CPU.

    Raises
    ------
    NoGpuError
        If a GPU was asked for and there is none.
    ClusterStartError
        If the device gives wrong answers.

    Examples
    --------
    >>> with InlineSession(ClusterConfig("inline", workers=2)) as session:
    ...     future = session.submit(max, 2, 3, key="max")
    ...     session.wait([future], timeout_s=60) == {future}, future.result()
    (True, 3)
    """

    kind: Literal["inline"] = "inline"

    def __init__(self, config: ClusterConfig) -> None:
        self.device: Device = "cpu" if config.gpus is None else "cuda"
        self.precision = config.precision
        self.n_workers = config.workers or (cpu_count() if self.device == "cpu" else 1)
        self._restore = ExitStack()
        self._waits = True
        try:
            self._facts = self._prepare(config)
        except BaseException:
            self._restore.close()
            raise
        self._threads: concurrent.futures.ThreadPoolExecutor | None = concurrent.futures.ThreadPoolExecutor(
            self.n_workers, thread_name_prefix="arraymill", initializer=_limit_torch, initargs=(config.threads,)
        )

    def _prepare(self, config: ClusterConfig) -> WorkerFacts:
        name = "cpu0"
        if self.device == "cuda":
            name = "gpu0"
            self._restore.enter_context(_one_visible_gpu(select_gpus(config.gpus)[0].uuid))
        self._restore.enter_context(preserve_flags())
        self._restore.enter_context(_preserve_torch_threads())
        self._restore.enter_context(thread_pools().limit(limits=config.threads))
        try:
            return prepare_process(self.device, config.precision, threads=config.threads, name=name)
        except RuntimeError as error:
            raise ClusterStartError("this process cannot work on its device", cause=str(error)) from error

    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> concurrent.futures.Future[Any]:
        """Start a task and return its future. The key is not used: threads need no name for a task."""
        if self._threads is None:
            raise ClusterLostError("the session is closed", cause=f"task {key} came after close()")
        refuse_tensors(args, "an argument")
        return self._threads.submit(run_task, function, args)

    def share(self, function: Callable[..., Any], /, *common: Any) -> Bound:
        """Return a function with its first arguments bound."""
        refuse_tensors(common, "an argument")
        return Bound(function, common)

    def submit_batch(
        self, function: Bound, items: Sequence[tuple[Any, ...]], *, key: str
    ) -> concurrent.futures.Future[Any]:
        """Start calls one after another on one thread; the result is a list of their outcomes."""
        return self.submit(run_batch, function, items, key=key)

    def wait(
        self, futures: Collection[concurrent.futures.Future[Any]], timeout_s: float | None
    ) -> set[concurrent.futures.Future[Any]]:
        """Return the futures that are done, once there is one; an empty set if the time runs out."""
        first = concurrent.futures.FIRST_COMPLETED
        return set(concurrent.futures.wait(futures, timeout_s, return_when=first).done)

    def facts(self) -> tuple[WorkerFacts, ...]:
        """Return what this process is: one entry, since all threads share it."""
        return (self._facts,)

    def replace(self, pid: int) -> bool:
        """Refuse: its workers are threads of this process, which cannot be killed."""
        raise _has_no_processes(f"process {pid}")

    def retire(self, name: str) -> bool:
        """Refuse: its workers are threads of this process, which cannot be killed."""
        raise _has_no_processes(f"worker {name}")

    def abandon(self) -> None:
        """Let `close` not wait for tasks that run: for a process that ends at once, for a thread cannot be stopped."""
        self._waits = False

    def close(self) -> None:
        """Drop the tasks that wait, and restore this process's threads and flags once those that run have ended."""
        if self._threads is not None:
            self._threads.shutdown(wait=self._waits, cancel_futures=True)
            self._threads = None
            self._restore.close()

    def __enter__(self) -> InlineSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _has_no_processes(worker: str) -> ClusterError:
    cause = "inline runs its tasks on threads of this process"
    return ClusterError(f"{worker} cannot be killed", cause=cause, next="use kind local or cuda")


def _limit_torch(threads: int) -> None:
    # OpenMP keeps the number of threads per calling thread.
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


@contextmanager
def _preserve_torch_threads() -> Iterator[None]:
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 0
    try:
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


@contextmanager
def _one_visible_gpu(uuid: str) -> Iterator[None]:
    """Let CUDA see one GPU. It reads the setting once, so a GPU chosen after CUDA has started is not honoured."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = uuid
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before

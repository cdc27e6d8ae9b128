"""Opens the place where a job runs, and the face that every such place has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, cast

from ..config import ClusterConfig, Kind, Precision
from ..devices import gpus, select_gpus
from ..errors import ClusterConfigError
from ..worker.process import Device, WorkerFacts
from .imports import uninterrupted

__all__ = ["Future", "Session", "open_cluster"]


class Future(Protocol):
    """A task that was submitted."""

    def done(self) -> bool:
        """Return whether the task has ended, in whatever way."""
        ...

    def result(self) -> Any:
        """Return the task's result, once it has ended, or raise what it raised."""
        ...

    def exception(self) -> BaseException | None:
        """Return what the task raised, or None; a `WorkerDiedError` if its worker's process died."""
        ...

    def cancel(self) -> bool:
        """Ask that the task does not start; return False if it is too late."""
        ...


class Session(Protocol):
    """A place where tasks run; a context manager."""

    @property
    def kind(self) -> Literal["inline", "local", "cuda"]:
        """What it is."""
        ...

    @property
    def device(self) -> Device:
        """What the tasks compute on; with "cuda" always ``cuda:0`` of the worker."""
        ...

    @property
    def precision(self) -> Precision:
        """What its workers' precision flags are set to."""
        ...

    @property
    def n_workers(self) -> int:
        """How many tasks run side by side."""
        ...

    def submit(self, function: Callable[..., Any], /, *args: Any, key: str) -> Future:
        """Start ``function(*args)`` on a worker; `key` names the attempt, uniquely."""
        ...

    def share(self, function: Callable[..., Any], /, *common: Any) -> Any:
        """Return a function with its first arguments bound, to be submitted: each worker gets them once.

        Its ``forget()`` says that no more tasks of it are sent.
        """
        ...

    def submit_batch(self, function: Any, items: Sequence[tuple[Any, ...]], *, key: str) -> Future:
        """Start calls of a shared function, one after another on one worker.

        The result is a list of ``(value, error)``, shorter than `items` where the rest was not begun for want of time.
        """
        ...

    def wait(self, futures: Collection[Future], timeout_s: float | None) -> set[Future]:
        """Return the futures that are done, once there is one; an empty set if the time runs out."""
        ...

    def facts(self) -> tuple[WorkerFacts, ...]:
        """Return what the workers are."""
        ...

    def replace(self, pid: int) -> bool:
        """Kill a worker's process, which is then started again; its task ends in a `WorkerDiedError`."""
        ...

    def retire(self, name: str) -> bool:
        """Kill a worker's process for good."""
        ...

    def close(self) -> None:
        """End it, within bounded time."""
        ...

    def __enter__(self) -> Session: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def open_cluster(config: ClusterConfig | Kind = "auto") -> Session:
    """Start the place where a job runs; every worker has passed its health check when this returns.

    Parameters
    ----------
    config : ClusterConfig or {"auto", "inline", "local", "cuda"}

    Raises
    ------
    NoGpuError
        If a GPU was asked for and none can be used.
    ClusterStartError
        If the workers do not start or give wrong answers.
    ClusterConfigError
        If the scratch folder cannot be used.

    Examples
    --------
    >>> with open_cluster(ClusterConfig("inline", workers=1)) as session:
    ...     session.submit(sum, [1, 2], key="sum").result()
    3
    """
    settings = config if isinstance(config, ClusterConfig) else ClusterConfig(config)
    kind = _choose_kind(settings)
    if kind == "inline":
        from ..inline import InlineSession

        return cast(Session, InlineSession(settings))
    if kind == "cuda":
        return _open_cuda(settings)
    return _open_local(settings)


def _choose_kind(config: ClusterConfig) -> Kind:
    if config.kind != "auto":
        return config.kind
    return "cuda" if config.gpus is not None or gpus() else "local"


def _open_local(config: ClusterConfig) -> Session:
    with uninterrupted():
        from ..local import start_local
        from .dask import DaskSession

    with _scratch_folder(config) as scratch:
        start = partial(start_local, config, scratch)
        return cast(Session, DaskSession("local", "cpu", scratch, start, precision=config.precision))


def _open_cuda(config: ClusterConfig) -> Session:
    uuids = [gpu.uuid for gpu in select_gpus(config.gpus if config.gpus is not None else config.workers)]
    with uninterrupted():
        from ..cuda import start_cuda
        from .dask import DaskSession

    with _scratch_folder(config) as scratch:
        start = partial(start_cuda, config, uuids, scratch)
        return cast(Session, DaskSession("cuda", "cuda", scratch, start, precision=config.precision))


@contextmanager
def _scratch_folder(config: ClusterConfig) -> Iterator[Path]:
    """Yield a private folder; the session that is opened in the ``with`` removes it; if none is opened, this does."""
    scratch = _make_scratch(config)
    try:
        yield scratch
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _make_scratch(config: ClusterConfig) -> Path:
    import tempfile  # a session in this process has no use for it

    parent = config.scratch or Path(tempfile.gettempdir())
    try:
        return Path(tempfile.mkdtemp(prefix="arraymill-", dir=parent))
    except OSError as error:
        raise ClusterConfigError(
            f"the scratch folder {parent} cannot be used", cause=str(error), next="name another folder"
        ) from error

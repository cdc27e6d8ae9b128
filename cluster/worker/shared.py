"""What all tasks of a job have in common: written once, read once by each worker, named by its content in every task.

A worker that is new, was started again or has forgotten it reads it again, so that nobody has to know who has it. The
file lies in the private folder of the cluster, and the name that comes with a task, over TLS, is the digest of what
may be loaded: bytes that somebody else put there are refused before they are looked into.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import carry_error
from .tasks import refuse_tensors, run_task

__all__ = ["Bound", "Outcome", "SharedTask", "run_batch", "run_shared", "run_shared_batch", "share_task"]

Outcome = tuple[Any, Exception | None]
"""What one call of a batch returned, or None and what it raised."""

BATCH_S = 0.5
"""A batch that has taken so long begins no further call."""
_MOST_KNOWN = 4
_known: OrderedDict[bytes, Bound] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Bound:
    """A function with its first arguments.

    Parameters
    ----------
    function : callable
    common : tuple
    """

    function: Callable[..., Any]
    common: tuple[Any, ...]

    def __call__(self, *args: Any) -> Any:
        """Call the function with its own arguments and these."""
        return self.function(*self.common, *args)

    def forget(self) -> None:
        """Do nothing: it goes with the last reference."""


@dataclass(frozen=True, slots=True)
class SharedTask:
    """The name of a function, and of its first arguments, that every worker can get at.

    Parameters
    ----------
    path : str
        Where it is written; "" where it could not be, and travels along.
    digest : bytes
        SHA-256 of the pickle.
    pickled : bytes
        The pickle itself, without a path.
    """

    path: str
    digest: bytes
    pickled: bytes = field(default=b"", repr=False)

    def __call__(self, *args: Any) -> Any:
        """Call the function with its first arguments and these, in this process."""
        return run_shared(self, args)

    def forget(self) -> None:
        """Remove the file: no task of this name is sent any more."""
        if self.path:
            with suppress(OSError):
                Path(self.path).unlink()

    def __reduce__(self) -> tuple[Any, ...]:
        # a third of what dataclasses make of slots
        return SharedTask, (self.path, self.digest, self.pickled)


def share_task(folder: str, function: Callable[..., Any], common: tuple[Any, ...]) -> SharedTask:
    """Write down what tasks have in common and return its name.

    Parameters
    ----------
    folder : str
        That all workers can read, and nobody else can.
    function : callable
        One of a script or a notebook travels by value, since a worker could not import it.
    common : tuple
        Its first arguments.

    Raises
    ------
    TypeError
        If an argument holds a `torch.Tensor` or cannot be pickled.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shared = share_task(folder, lambda base, exponent: base**exponent, (2,))
    ...     run_shared(shared, (5,))
    32
    """
    import cloudpickle

    refuse_tensors(common, "an argument")
    pickled = bytes(cloudpickle.dumps(Bound(function, common)))
    digest = hashlib.sha256(pickled).digest()
    # A name of its own for each caller: whoever is done first removes only what is his.
    path = Path(folder) / f"task-{uuid.uuid4().hex[:12]}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(pickled)
    except OSError:
        with suppress(OSError):
            path.unlink()
        return SharedTask("", digest, pickled)
    return SharedTask(str(path), digest)


def run_shared(shared: SharedTask, args: tuple[Any, ...]) -> Any:
    """Return what a shared function returns for its further arguments."""
    return run_task(_find(shared), args)


def run_shared_batch(shared: SharedTask, items: Sequence[tuple[Any, ...]]) -> list[Outcome]:
    """Return what a shared function returned, or raised, for each of several tuples of further arguments."""
    return [(value, error and carry_error(error)) for value, error in run_batch(_find(shared), items)]


def run_batch(function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> list[Outcome]:
    """Call a function for each tuple of arguments in turn; what one call raises does not keep others from running.

    Returns
    -------
    list of (value, error)
        Of those that were begun: fewer than `items` if the time ran out.

    Examples
    --------
    >>> run_batch(int, [("3",), ("x",)])
    [(3, None), (None, ValueError("invalid literal for int() with base 10: 'x'"))]
    """
    outcomes: list[Outcome] = []
    end_s = time.monotonic() + BATCH_S
    for args in items:
        if outcomes and time.monotonic() > end_s:
            break
        try:
            outcomes.append((run_task(function, args), None))
        except Exception as error:  # noqa: BLE001 - the call's outcome, with its traceback
            outcomes.append((None, error))
    return outcomes


def _find(shared: SharedTask) -> Bound:
    found = _known.get(shared.digest)
    if found is None:
        found = _known[shared.digest] = _load(shared)
    _known.move_to_end(shared.digest)
    while len(_known) > _MOST_KNOWN:
        _known.popitem(last=False)
    return found


def _load(shared: SharedTask) -> Bound:
    import cloudpickle

    pickled = shared.pickled or Path(shared.path).read_bytes()
    if hashlib.sha256(pickled).digest() != shared.digest:
        raise RuntimeError(f"{shared.path or 'a task'} holds other bytes than the session wrote")
    bound: Bound = cloudpickle.loads(pickled)
    return bound

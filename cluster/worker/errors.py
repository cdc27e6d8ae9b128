"""How what one call raised travels from a worker beside the results of others: as itself, with its traceback."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable
from typing import Any

__all__ = ["CarriedError", "carry_error"]


class CarriedError(RuntimeError):
    """Stands for an error that cannot be pickled: its class and its words."""


def carry_error(error: Exception) -> Exception:
    """Return what turns into `error` when it is unpickled, as Dask does it for a task that fails.

    Examples
    --------
    >>> try:
    ...     int("x")
    ... except ValueError as error:
    ...     arrived = pickle.loads(pickle.dumps(carry_error(error)))
    >>> arrived, arrived.__traceback__.tb_frame.f_code.co_name
    (ValueError("invalid literal for int() with base 10: 'x'"), '<module>')
    """
    # when Dask is imported, it has its own way registered for every exception there is, which forgets the traceback
    copyreg.pickle(_TravellingError, _TravellingError.__reduce__)
    return _TravellingError(error)


class _TravellingError(Exception):
    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return pickle.loads, (_pickle(self.error),)


def _pickle(error: Exception) -> bytes:
    import tblib.pickling_support  # type: ignore[import-untyped]  # what Dask pickles tracebacks with

    tblib.pickling_support.install(error)
    try:
        pickled = pickle.dumps(error)
        # some errors are pickled and cannot be made again
        pickle.loads(pickled)
    except Exception:  # noqa: BLE001 - whatever the error's own code raises
        return pickle.dumps(CarriedError(f"{type(error).__name__}: {error}"))
    return pickled

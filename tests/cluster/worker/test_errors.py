"""Facts of errors that travel beside results: themselves where that can be, else their words."""

from __future__ import annotations

import copyreg
import pickle

import pytest
from tblib.pickling_support import pickle_exception

from arraymill.cluster.errors import ClusterError
from arraymill.cluster.worker.errors import CarriedError, carry_error


class TwoWordsError(Exception):
    """Pickles, and cannot be made again from what it was pickled to."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)

    def __reduce__(self) -> tuple[object, ...]:
        return TwoWordsError, ("one",)


def journey(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:  # noqa: BLE001
        arrived: Exception = pickle.loads(pickle.dumps(carry_error(raised)))
    return arrived


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "x.npy"), KeyError("k"), ValueError("v")])
def test_it_is_the_same_error(error: Exception) -> None:
    arrived = journey(error)
    assert (type(arrived), arrived.args, str(arrived)) == (type(error), error.args, str(error))
    assert arrived.__traceback__ is not None


def test_ours_keeps_what_it_says() -> None:
    arrived = journey(ClusterError("what", cause="cause", next="next"))
    assert isinstance(arrived, ClusterError)
    assert (arrived.what, arrived.cause, arrived.next) == ("what", "cause", "next")


def test_what_cannot_be_pickled_comes_as_its_words() -> None:
    arrived = journey(TwoWordsError("a", "b"))
    assert isinstance(arrived, CarriedError)
    assert str(arrived) == "TwoWordsError: ab"


def test_a_reducer_that_dask_registers_for_all_errors_is_not_used() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    copyreg.pickle(type(carry_error(caught.value)), pickle_exception)
    arrived = pickle.loads(pickle.dumps(carry_error(caught.value)))
    assert arrived.__traceback__ is not None

"""Tests of jobs/operations/apply/user_errors.py."""

from __future__ import annotations

import pytest

from arraymill.jobs.errors import SpecError, UserCodeError
from arraymill.jobs.operations.apply.user_errors import user_code


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


def deep(n: int) -> None:
    if not n:
        raise ValueError("first line\nlast line")
    deep(n - 1)


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA"), SpecError("ours"), KeyboardInterrupt()])
def test_what_is_not_the_users_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, user_code("f failed"):
        raise error
    assert caught.value is error


def test_frames_below_the_call_are_shown_the_last_dozen() -> None:
    with pytest.raises(UserCodeError) as caught, user_code("f failed", safe="x"):
        deep(30)
    assert caught.value.what == "f failed: last line"
    assert caught.value.cause.count("in deep") == 12
    assert "test_frames" not in caught.value.cause
    assert caught.value.cause.endswith("ValueError: first line\nlast line")
    assert isinstance(caught.value.__cause__, ValueError)

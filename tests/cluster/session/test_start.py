from __future__ import annotations

import pytest
from worker_tasks import fail

from arraymill.cluster.errors import ClusterStartError, NoGpuError
from arraymill.cluster.session.start import explain_start, run_interruptibly


def test_the_first_cause_is_shown() -> None:
    try:
        try:
            fail("libcuda.so is missing")
        except ValueError as error:
            raise RuntimeError("Nanny failed to start.") from error
    except RuntimeError as error:
        shown = explain_start(error)
    assert isinstance(shown, ClusterStartError)
    assert shown.cause == "libcuda.so is missing"


def test_an_error_of_ours_is_shown_as_it_is() -> None:
    ours = NoGpuError("a GPU was asked for")
    assert explain_start(ours) is ours


def test_an_error_of_the_start_comes_out() -> None:
    with pytest.raises(ValueError, match="no port"):
        run_interruptibly(lambda: fail("no port"), lambda _: None)

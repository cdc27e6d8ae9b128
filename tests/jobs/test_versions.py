"""Facts of the versions that decide the bits of an answer."""

from __future__ import annotations

import numpy as np

from arraymill.jobs.versions import changed_versions, current_versions


def test_the_same_process_gives_the_same_versions() -> None:
    assert changed_versions(current_versions("cpu"), current_versions("cpu")) == ()


def test_torch_counts_where_it_computes() -> None:
    assert "torch" not in current_versions("cpu")
    assert current_versions("cuda")["torch"] not in ("", "not installed")
    assert current_versions("cuda")["numpy"] == np.__version__


def test_every_difference_is_named() -> None:
    before = {"numpy": "1", "blas": "a", "simd": "x"}
    assert changed_versions(before, {"numpy": "2", "simd": "x", "torch": "3"}) == (
        "blas was a, is not used",
        "numpy was 1, is 2",
        "torch was not used, is 3",
    )

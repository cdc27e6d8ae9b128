"""Facts of the gauge of products: every core computes on one thread, and disturbance shows."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import threadpoolctl

from arraymill.jobs.gauges import products
from arraymill.jobs.gauges.products import CpuProducts


def blas_threads() -> list[int]:
    """Return the threads of NumPy's own BLAS; torch may have brought others."""
    pools = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]


def test_each_core_has_a_thread_and_blas_none_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[int]] = {}
    real, meeting = np.matmul, threading.Barrier(3)

    def matmul(*args: object, **options: object) -> object:
        seen[threading.current_thread().name] = blas_threads()
        meeting.wait(60)
        return real(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(products.np, "matmul", matmul)
    before = blas_threads()
    assert CpuProducts(3).rate("f4", 0.0) > 0
    assert list(seen.values()) == [[1] * len(before)] * 3
    assert blas_threads() == before


def test_of_many_cores_sixteen_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    real = products.crew

    def crew(n_threads: int) -> object:
        started.append(n_threads)
        return real(n_threads)

    monkeypatch.setattr(products, "crew", crew)
    CpuProducts(500).rate("f4", 0.0)
    assert started == [16]


@pytest.mark.parametrize(("computing_s", "share"), [(2.0, 1.0), (1.0, 0.5)])
def test_other_programs_lower_the_share_and_not_the_rate(
    monkeypatch: pytest.MonkeyPatch, computing_s: float, share: float
) -> None:
    thread_times, walls = iter([0.0, computing_s]), iter([10.0, 12.0])
    monkeypatch.setattr(products, "best_of", lambda rate_of_try, slice_s: rate_of_try())
    monkeypatch.setattr(products.time, "thread_time", lambda: next(thread_times))
    monkeypatch.setattr(products.time, "perf_counter", lambda: next(walls))
    found = CpuProducts(1)
    assert found.rate("f8", 0.0) == 2.0 * 256 * 1024 * 1024 / computing_s
    assert found.share == share

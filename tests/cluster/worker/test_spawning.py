from __future__ import annotations

import multiprocessing.spawn
import os

import pytest

from arraymill.cluster.worker.spawning import spawning


def test_what_is_set_while_workers_start_is_gone_when_the_last_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    first, second = spawning({"OMP_NUM_THREADS"}), spawning({"OMP_NUM_THREADS", "MKL_NUM_THREADS"})
    first.__enter__()
    os.environ["OMP_NUM_THREADS"] = "1"
    second.__enter__()
    os.environ["MKL_NUM_THREADS"] = "1"
    first.__exit__(None, None, None)
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("1", "1")
    second.__exit__(None, None, None)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_only_dask_s_workers_start_without_the_script() -> None:
    before = multiprocessing.spawn.get_preparation_data
    with spawning(set()):
        others = multiprocessing.spawn.get_preparation_data("Process-1")
        ours = multiprocessing.spawn.get_preparation_data("Dask Worker process (from Nanny)")
    assert others.keys() - ours.keys() <= {"init_main_from_name", "init_main_from_path"}
    assert not {"init_main_from_name", "init_main_from_path"} & ours.keys()
    assert multiprocessing.spawn.get_preparation_data is before

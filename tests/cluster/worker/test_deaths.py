from __future__ import annotations

import copy
from pathlib import Path

import pytest

from arraymill.cluster.cgroups import Cgroups
from arraymill.cluster.worker.deaths import OomCount


class Kernel:
    """A control group whose count of kills the test raises."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "cgroup"
        self.folder.mkdir()
        self.membership = folder / "membership"
        self.membership.write_text("0::/\n")
        self.count(1)

    def count(self, kills: int) -> None:
        (self.folder / "memory.events").write_text(f"oom {kills}\noom_kill {kills}\n")

    def watch(self, memory_s: float = 3600.0) -> OomCount:
        return OomCount(Cgroups(self.folder, self.membership), memory_s=memory_s)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_kills_before_the_start_explain_nothing(kernel: Kernel) -> None:
    assert kernel.watch().group_of(-9) == ""


def test_a_kill_explains_one_death(kernel: Kernel) -> None:
    ooms = kernel.watch()
    kernel.count(2)
    assert [ooms.group_of(-9) for _ in range(2)] == [str(kernel.folder), ""]


def test_two_kills_at_once_explain_two_deaths(kernel: Kernel) -> None:
    ooms = kernel.watch()
    kernel.count(3)
    assert [ooms.group_of(-9) for _ in range(3)] == [str(kernel.folder), str(kernel.folder), ""]


@pytest.mark.parametrize("exitcode", [-11, 0, 1])
def test_only_a_sigkill_is_one_of_the_kernel_s(kernel: Kernel, exitcode: int) -> None:
    ooms = kernel.watch()
    kernel.count(2)
    assert ooms.group_of(exitcode) == ""


def test_a_kill_of_some_other_process_explains_no_later_death(kernel: Kernel) -> None:
    ooms = kernel.watch(memory_s=0.0)
    kernel.count(2)
    assert [ooms.group_of(exitcode) for exitcode in (-11, -9)] == ["", ""]


def test_the_copies_that_dask_makes_are_one_count(kernel: Kernel) -> None:
    ooms = kernel.watch()
    assert copy.deepcopy({"ooms": ooms})["ooms"] is ooms


def test_without_control_groups_no_death_is_explained(tmp_path: Path) -> None:
    ooms = OomCount(Cgroups(tmp_path, tmp_path / "absent"))
    assert ooms.group_of(-9) == ""

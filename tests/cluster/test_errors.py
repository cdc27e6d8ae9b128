from __future__ import annotations

import pickle

import pytest
from error_trees import check_contract, defined_tree, drawn_tree

from arraymill.cluster import errors
from arraymill.cluster.errors import WorkerDiedError


def test_the_drawing_is_the_tree() -> None:
    assert drawn_tree(errors) == defined_tree(errors)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_keeps_the_contract(name: str) -> None:
    check_contract(getattr(errors, name))


@pytest.mark.parametrize(
    ("exitcode", "end"),
    [(-9, "was killed by SIGKILL"), (-200, "was killed by signal 200"), (3, "exited with status 3"), (None, "died")],
)
def test_a_death_says_how(exitcode: int | None, end: str) -> None:
    assert str(WorkerDiedError.of("gpu1", pid=42, exitcode=exitcode)) == f"worker gpu1 (pid 42) {end}"


def test_a_death_keeps_its_facts_through_pickle() -> None:
    copy = pickle.loads(pickle.dumps(WorkerDiedError.of("cpu0", pid=42, exitcode=-11)))
    assert (copy.worker, copy.pid, copy.exitcode, copy.is_oom) == ("cpu0", 42, -11, False)


def test_a_death_for_lack_of_memory_names_the_group_and_keeps_it_through_pickle() -> None:
    died = WorkerDiedError.of("cpu0", pid=42, exitcode=-9, oom_group="/sys/fs/cgroup/job")
    expected = "worker cpu0 (pid 42) was killed by the kernel's out-of-memory killer (cgroup /sys/fs/cgroup/job)"
    copy = pickle.loads(pickle.dumps(died))
    assert (str(copy), copy.is_oom, copy.exitcode) == (expected, True, -9)

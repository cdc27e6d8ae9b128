from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from arraymill.cluster.warm.orphans import EndOrphans
from arraymill.cluster.worker.keeper import WorkerKeeper


class FakeScheduler:
    """Holds tasks, each on a worker of some pid, as far as the plugin looks."""

    def __init__(self, plugin: EndOrphans) -> None:
        self.tasks: dict[str, Any] = {}
        self.plugin = plugin

    def send(self, key: str, pid: int) -> None:
        self.tasks[key] = SimpleNamespace(processing_on=SimpleNamespace(pid=pid))
        self.plugin.transition(key, "waiting", "processing", stimulus_id="test")

    def end(self, key: str, state: str) -> None:
        del self.tasks[key]
        self.plugin.transition(key, "processing", state, stimulus_id="test", worker="tls://127.0.0.1:1")


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    pids: list[int] = []
    monkeypatch.setattr(WorkerKeeper, "replace", lambda _, pid: pids.append(pid))
    return pids


@pytest.fixture
def plugin() -> EndOrphans:
    return EndOrphans("/nowhere")


@pytest.fixture
def scheduler(plugin: EndOrphans) -> FakeScheduler:
    made = FakeScheduler(plugin)
    plugin._scheduler = made
    return made


def test_a_client_whose_tasks_have_ended_leaves_its_workers(scheduler: FakeScheduler, replaced: list[int]) -> None:
    for pid, state in enumerate(["memory", "erred"]):
        scheduler.send(state, pid)
        scheduler.end(state, state)
    scheduler.plugin.remove_client(scheduler, "client")
    assert replaced == []


@pytest.mark.parametrize("state", ["released", "forgotten"])
def test_workers_that_are_left_busy_are_replaced_once(
    scheduler: FakeScheduler, replaced: list[int], state: str
) -> None:
    for number in range(4):
        scheduler.send(f"task-{number}", number // 2)
    for number in range(4):
        scheduler.end(f"task-{number}", state)
    scheduler.plugin.remove_client(scheduler, "client")
    scheduler.plugin.remove_client(scheduler, "another")
    assert sorted(replaced) == [0, 1]


def test_a_worker_that_has_done_a_later_task_is_free(scheduler: FakeScheduler, replaced: list[int]) -> None:
    scheduler.send("dropped", 7)
    scheduler.end("dropped", "released")
    scheduler.send("later", 7)
    scheduler.end("later", "memory")
    scheduler.plugin.remove_client(scheduler, "client")
    assert replaced == []


def test_tasks_that_were_never_sent_concern_no_worker(scheduler: FakeScheduler, replaced: list[int]) -> None:
    scheduler.plugin.transition("queued", "queued", "released", stimulus_id="test")
    scheduler.plugin.remove_client(scheduler, "client")
    assert replaced == []

"""Tickets in order and devices one at a time: the rules in one process, and what becomes of them when processes die."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_processes import Processes

from arraymill.jobs.store import DeviceHold, DeviceQueue, Ticket, Wants

CPU = Wants(1, ("cpu",))
EITHER, BOTH = Wants(1, ("g0", "g1")), Wants(2, ("g0", "g1"))


@pytest.fixture
def queue(tmp_path: Path) -> DeviceQueue:
    return DeviceQueue(tmp_path / "home")


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes.open() as processes:
        yield processes


def queue_files(queue: DeviceQueue) -> list[str]:
    assert queue.home is not None
    return sorted(path.name for path in (queue.home / "queue").iterdir())


def take_now(queue: DeviceQueue, ticket: Ticket) -> DeviceHold:
    found = queue.try_take(ticket)
    assert isinstance(found, DeviceHold), found
    return found


def take(queue: DeviceQueue, job: str, wants: Wants) -> DeviceHold:
    return take_now(queue, queue.take_ticket(job, wants))


def test_tickets_are_numbered_in_order(queue: DeviceQueue) -> None:
    tickets = [queue.take_ticket(f"job-{number}", CPU) for number in range(12)]
    numbers = [ticket.number for ticket in tickets]
    assert numbers == sorted(set(numbers))
    for ticket in tickets:
        ticket.release()
        ticket.release()
    assert list(queue_files(queue)) == ["lock"]


def test_machines_that_share_a_home_wait_for_a_gpu_and_not_for_each_others_cpu(
    queue: DeviceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.uname()
    waiting = [queue.take_ticket("job-a", CPU), queue.take_ticket("job-b", BOTH)]
    with take(queue, "job-c", Wants(1, ("g2",))), monkeypatch.context() as patch:
        patch.setattr(os, "uname", lambda: os.uname_result((here.sysname, "node7", *here[2:])))
        with take(queue, "job-d", CPU):
            other = queue.take_ticket("job-e", EITHER)
            assert queue.try_take(other) == "behind job job-b, which wants g0, g1"
            waiting[1].release()
            take_now(queue, other).release()
            patch.undo()
            with take_now(queue, waiting[0]) as hold:
                assert hold.devices == ("cpu",)


def test_nobody_overtakes_an_older_ticket(queue: DeviceQueue) -> None:
    first, second = queue.take_ticket("job-a", CPU), queue.take_ticket("job-b", CPU)
    assert queue.try_take(second) == "behind job job-a, which wants cpu"
    with take_now(queue, first):
        assert isinstance(reason := queue.try_take(second), str)
        assert reason.startswith("cpu is used by job job-a (pid ")
    with take_now(queue, second) as hold:
        assert hold.devices == ("cpu",)


def test_an_older_ticket_for_other_devices_is_not_waited_for(queue: DeviceQueue) -> None:
    with take(queue, "job-a", CPU):
        waiting = queue.take_ticket("job-b", CPU)
        with take(queue, "job-c", Wants(1, ("g0",))) as hold:
            assert hold.devices == ("g0",)
        waiting.release()


def test_one_of_two_devices_is_whichever_is_free(queue: DeviceQueue) -> None:
    first, second = take(queue, "job-a", EITHER), take(queue, "job-b", EITHER)
    assert (first.devices, second.devices) == (("g0",), ("g1",))
    ticket = queue.take_ticket("job-c", EITHER)
    assert isinstance(reason := queue.try_take(ticket), str)
    assert "g0 is used by job job-a" in reason
    assert "g1 is used by job job-b" in reason
    first.release()
    first.release()
    with take_now(queue, ticket) as hold:
        assert hold.devices == ("g0",)
    second.release()


def test_two_devices_are_taken_together_or_not_at_all(queue: DeviceQueue) -> None:
    held = take(queue, "job-a", Wants(1, ("g1",)))
    both = queue.take_ticket("job-b", BOTH)
    assert isinstance(reason := queue.try_take(both), str)
    assert reason.startswith("g1 is used by job job-a")
    # g0 was let go of, but it is not for one who came later: so the job that wants both will have them one day
    late = queue.take_ticket("job-c", EITHER)
    assert queue.try_take(late) == "behind job job-b, which wants g0, g1"
    held.release()
    with take_now(queue, both) as hold:
        assert hold.devices == ("g0", "g1")
    with take_now(queue, late) as hold:
        assert hold.devices == ("g0",)


def test_a_ticket_is_given_up_with_the_devices(queue: DeviceQueue) -> None:
    with take(queue, "job-a", CPU):
        assert queue_files(queue) == ["lock"]


@pytest.mark.parametrize(("n", "devices"), [(0, ("cpu",)), (2, ("g0",)), (1, ()), (2, ("g0", "g0"))])
def test_what_nobody_can_be_given_is_not_wanted(n: int, devices: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="devices"):
        Wants(n, devices)


def test_any_name_of_a_device_is_a_file_of_its_own(queue: DeviceQueue, tmp_path: Path) -> None:
    names = ("../a", "a/b", "a_b", "a%2Fb", ".", "..", "GPU-1 2", "MIG-é")
    with take(queue, "job-a", Wants(len(names), names)):
        files = list((tmp_path / "home" / "locks").iterdir())
        assert len(files) == len(names)
        assert sorted(path.name for path in tmp_path.rglob("*.lock")) == sorted(path.name for path in files)


def test_what_lies_in_the_queue_and_is_no_ticket_is_passed_over(queue: DeviceQueue, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "queue"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("hello")
    (folder / "0000000001").write_text("{torn")
    (folder / "0000000002").mkdir()
    with take(queue, "job-a", CPU) as hold:
        assert hold.devices == ("cpu",)
    assert (folder / "notes.txt").read_text() == "hello"


def test_nobody_else_may_look(queue: DeviceQueue, tmp_path: Path) -> None:
    ticket = queue.take_ticket("job-a", CPU)
    with take_now(queue, ticket):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.joinpath("home").rglob("*")}
    cpu = f"cpu-{os.uname().nodename}.lock"
    assert modes == {"queue": 0o700, "locks": 0o700, "lock": 0o600, cpu: 0o600}


def test_ten_jobs_on_one_device_run_in_order_one_at_a_time(
    queue: DeviceQueue, processes: Processes, tmp_path: Path
) -> None:
    with take(queue, "job-first", CPU):
        for number in range(10):
            job = processes.start("through", tmp_path / "home", f"job-{number}", 1, "cpu")
            assert job.line().startswith("ticket")
            # the oldest of those who are ahead is named
            ahead = "behind job job-0, which wants cpu" if number else "cpu is used by job job-first"
            assert job.line().startswith(ahead)
    assert job.until("holds") == "holds cpu"
    assert job.end() == 0
    diary = (tmp_path / "home" / "diary").read_text().splitlines()
    assert diary == [f"job-{number} {does}" for number in range(10) for does in ("begins", "ends")]


def test_jobs_on_two_devices_run_together(processes: Processes, tmp_path: Path) -> None:
    jobs = [processes.start("wait", tmp_path / "home", f"job-{name}", 1, name) for name in ("g0", "g1")]
    # each holds until it is told to go on, which neither is before both do
    assert [job.until("holds") for job in jobs] == ["holds g0", "holds g1"]
    for job in jobs:
        job.go_on()
        assert job.end() == 0


def test_killing_the_holder_frees_the_device(processes: Processes, tmp_path: Path) -> None:
    holder = processes.start("wait", tmp_path / "home", "job-a", 1, "cpu")
    holder.until("holds")
    waiter = processes.start("wait", tmp_path / "home", "job-b", 1, "cpu")
    assert waiter.until("cpu") == f"cpu is used by job job-a (pid {holder.pid})"
    holder.kill()
    assert waiter.until("holds") == "holds cpu"


def test_killing_a_waiter_lets_the_next_one_move_up(processes: Processes, tmp_path: Path) -> None:
    holder = processes.start("wait", tmp_path / "home", "job-a", 1, "cpu")
    holder.until("holds")
    waiter = processes.start("wait", tmp_path / "home", "job-b", 1, "cpu")
    waiter.until("cpu is used by")
    last = processes.start("wait", tmp_path / "home", "job-c", 1, "cpu")
    assert last.until("behind") == "behind job job-b, which wants cpu"
    waiter.kill()
    assert last.until("cpu") == f"cpu is used by job job-a (pid {holder.pid})"
    assert len(queue_files(DeviceQueue(tmp_path / "home"))) == 2
    holder.go_on()
    assert last.until("holds") == "holds cpu"

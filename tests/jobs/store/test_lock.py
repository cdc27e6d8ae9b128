from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_processes import Processes, eventually

from arraymill.jobs.errors import JobError, JobRunningError, NoSuchJobError
from arraymill.jobs.store import JobFolder, JobLock, held, holder_of, is_locked, lock_holder

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes.open() as processes:
        yield processes


def test_one_process_at_a_time_has_a_job(folder: JobFolder) -> None:
    with JobLock.acquire(folder):
        with pytest.raises(JobRunningError, match=f"pid {os.getpid()} works on it") as caught:
            JobLock.acquire(folder)
        assert caught.value.exit_code == 11
        assert holder_of(folder) == os.getpid()
    assert holder_of(folder) is None
    JobLock.acquire(folder).release()


def test_looking_creates_nothing_and_keeps_nobody_out(folder: JobFolder) -> None:
    assert (holder_of(folder), is_locked(folder)) == (None, False)
    assert not folder.lock.exists()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_locked(folder)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with JobLock.acquire(folder):
                assert is_locked(folder)
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_many_lookers_do_not_take_one_another_for_a_holder(folder: JobFolder) -> None:
    JobLock.acquire(folder).release()
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.extend(is_locked(folder) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), any(found)) == (2000, False)


def test_a_job_that_is_removed_has_no_holder_and_no_lock(folder: JobFolder) -> None:
    shutil.rmtree(folder.path)
    assert holder_of(folder) is None
    with pytest.raises(NoSuchJobError, match=folder.id):
        JobLock.acquire(folder)
    assert not folder.path.exists()


def test_a_lock_file_that_is_replaced_in_between_is_not_trusted(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_take, replaced = held._take, []

    def take(descriptor: int) -> bool:
        if not replaced:
            replaced.append(folder.lock.stat().st_ino)
            folder.lock.rename(folder.path / "old")
            folder.lock.touch()
        return whole_take(descriptor)

    monkeypatch.setattr(held, "_take", take)
    with JobLock.acquire(folder) as lock:
        assert os.fstat(lock.fd).st_ino == folder.lock.stat().st_ino != replaced[0]


def test_who_holds_a_job_is_waited_for_until_it_says_so(folder: JobFolder) -> None:
    folder.lock.write_text("")
    descriptor = held.hold(folder.lock)
    assert descriptor is not None
    told = threading.Timer(0.05, held.write_note, (descriptor, f"4242 {os.uname().nodename}"))
    told.start()
    assert holder_of(folder) == 4242
    told.join()
    held.let_go(descriptor)


@pytest.mark.parametrize("note", ["", "0 here", "1 here", "-1 here", "x here", "4242", "4242 here there"])
def test_a_note_that_names_nobody_names_nobody(note: str, folder: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arraymill.jobs.store.lock._N_LOOKS", 2)
    with JobLock.acquire(folder) as lock:
        held.write_note(lock.fd, note)
        assert (lock_holder(folder), is_locked(folder)) == (None, True)


def test_a_holder_on_another_machine_is_said_to_be_there(folder: JobFolder) -> None:
    with JobLock.acquire(folder) as lock:
        held.write_note(lock.fd, "4242 node7")
        assert str(lock_holder(folder)) == "pid 4242 on node7"


def test_a_child_keeps_the_lock_that_it_was_passed(folder: JobFolder) -> None:
    lock = JobLock.acquire(folder)
    child = subprocess.Popen(SLEEP, pass_fds=(lock.fd,))
    try:
        lock.hand_over(child.pid)
        assert (lock.fd, holder_of(folder)) == (-1, child.pid)
        with pytest.raises(JobRunningError, match=f"pid {child.pid}"):
            JobLock.acquire(folder)
    finally:
        child.kill()
        child.wait()
    assert holder_of(folder) is None


@pytest.mark.parametrize("is_reaped", [True, False])
def test_what_a_dead_holder_left_with_a_child_is_waited_for(folder: JobFolder, is_reaped: bool) -> None:
    dead = subprocess.Popen(["true"])
    if is_reaped:
        dead.wait()
    else:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    lock = JobLock.acquire(folder)
    copy = os.dup(lock.fd)
    lock.hand_over(dead.pid)
    ended = threading.Timer(0.1, os.close, (copy,))
    ended.start()
    with JobLock.acquire(folder):
        assert holder_of(folder) == os.getpid()
    ended.join()
    dead.wait()


def test_a_lock_is_free_though_a_child_that_is_being_started_has_a_copy(folder: JobFolder) -> None:
    lock = JobLock.acquire(folder)
    copy = os.dup(lock.fd)
    try:
        lock.release()
        assert not is_locked(folder)
        JobLock.acquire(folder).release()
    finally:
        os.close(copy)


def test_a_lock_that_was_passed_is_gone_on_with(folder: JobFolder) -> None:
    passed = JobLock.acquire(folder)
    copy = os.dup(passed.fd)
    os.set_inheritable(copy, True)
    passed.hand_over(4242)
    with JobLock.adopt(folder, copy) as lock:
        assert (os.get_inheritable(lock.fd), holder_of(folder)) == (False, os.getpid())
    assert not is_locked(folder)


def test_what_is_not_the_lock_is_not_gone_on_with(folder: JobFolder, tmp_path: Path) -> None:
    with (tmp_path / "other").open("w") as other, pytest.raises(JobError, match="not handed over"):
        JobLock.adopt(folder, other.fileno())
    with pytest.raises(JobError, match="not handed over"):
        JobLock.adopt(folder, 1_000_000)


@pytest.mark.parametrize("how", ["lock", "fork"])
def test_other_children_do_not_keep_the_lock(how: str, folder: JobFolder, processes: Processes) -> None:
    holder = processes.start(how, folder.path)
    child = processes.adopt(int(holder.until("locked").split()[1]))
    assert holder_of(folder) == holder.pid
    holder.kill()
    # a forked child may not have closed its copy yet
    assert eventually(lambda: not is_locked(folder))
    os.kill(child, 0)


def test_of_four_processes_one_gets_the_job(folder: JobFolder, processes: Processes) -> None:
    racers = [processes.start("race", folder.path) for _ in range(4)]
    for racer in racers:
        racer.until("ready")
    for racer in racers:
        racer.go_on()
    assert sorted(racer.line().split()[0] for racer in racers) == ["locked", "refused", "refused", "refused"]

"""A job of its own process for the tests of locks and queues: told by its arguments what to do, it says what it did.

::

    queue_process.py wait FOLDER JOB N DEVICE...     takes a ticket, holds the devices until a line comes, goes away
    queue_process.py through FOLDER JOB N DEVICE...  the same without waiting for a line
    queue_process.py lock FOLDER                     holds the lock of a job, and has a child that does not
    queue_process.py fork FOLDER                     the same with a forked child
    queue_process.py race FOLDER                     tries to take the lock of a job once
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

from arraymill.jobs.errors import JobRunningError
from arraymill.jobs.store import DeviceHold, DeviceQueue, JobFolder, JobLock, Wants

_SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def say(*words: object) -> None:
    print(*words, flush=True)


def note(home: Path, text: str) -> None:
    """Add a line to the diary of all processes."""
    with (home / "diary").open("a") as diary:
        diary.write(text + "\n")


def wait_for_devices(home: Path, job: str, wants: Wants) -> DeviceHold:
    queue, said = DeviceQueue(home), ""
    ticket = queue.take_ticket(job, wants)
    say("ticket", ticket.number)
    while isinstance(found := queue.try_take(ticket), str):
        if found != said:
            say(found)
        said = found
        time.sleep(0.01)
    return found


def work(how: str, home: Path, job: str, n: str, *devices: str) -> None:
    hold = wait_for_devices(home, job, Wants(int(n), devices))
    note(home, f"{job} begins")
    say("holds", *hold.devices)
    if how == "wait":
        sys.stdin.readline()
    note(home, f"{job} ends")
    hold.release()


def lock(folder: JobFolder) -> None:
    with JobLock.acquire(folder):
        child = subprocess.Popen(_SLEEP)
        say("locked", child.pid)
        sys.stdin.readline()


def fork(folder: JobFolder) -> None:
    with JobLock.acquire(folder):
        with warnings.catch_warnings():
            # of later versions of Python: there may be threads of NumPy's library, which the child does not use
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            time.sleep(600)
        say("locked", child)
        sys.stdin.readline()


def race(folder: JobFolder) -> None:
    say("ready")
    sys.stdin.readline()
    try:
        lock = JobLock.acquire(folder)
    except JobRunningError as error:
        say("refused", error.cause)
    else:
        say("locked", lock.fd)
        sys.stdin.readline()


if __name__ == "__main__":
    how, where, *rest = sys.argv[1:]
    if how in ("wait", "through"):
        work(how, Path(where), *rest)
    else:
        {"lock": lock, "fork": fork, "race": race}[how](JobFolder(Path(where)))

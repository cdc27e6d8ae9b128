"""Workers that die in turn, together, and while they start: the session outlives them and leaks nothing."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from dask_sessions import until_up, worker_processes
from worker_tasks import TIMEOUT_S, alive, own_pid, wait_until

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import WorkerDiedError
from arraymill.cluster.session import open_cluster
from arraymill.cluster.session.dask import DaskSession
from arraymill.cluster.session.futures import DaskFuture
from arraymill.cluster.worker.nanny import WorkerNanny, nannies_of

N_KILLS = 20


class Storm:
    """Keeps two workers busy and kills them as a seed says; every process that it has seen must be gone at the end."""

    def __init__(self, session: DaskSession, seed: int) -> None:
        self.session, self.chance = session, random.Random(seed)
        self.nannies = sorted(nannies_of(Path(session.folder)), key=lambda nanny: nanny.worker_name)
        self.seen: set[int] = set()
        self.n_kills = 0
        self.n_sent = 0
        self.pending: set[DaskFuture] = set()

    def send(self) -> None:
        while len(self.pending) < 4:
            self.pending.add(self.session.submit(own_pid, 0.01, key=f"task-{self.n_sent}"))
            self.n_sent += 1

    def take(self, done: set[DaskFuture]) -> None:
        self.pending -= done
        for future in done:
            error = future.exception()
            if error is not None:
                assert isinstance(error, WorkerDiedError)
                assert error.exitcode == -signal.SIGKILL
                assert error.pid in self.seen

    def find(self, nanny: WorkerNanny) -> int:
        """Return the worker's process, in whatever state it is, that nobody has killed yet."""
        wait_until(lambda: nanny.pid not in (None, *self.seen), "a process to kill")
        pid = nanny.pid
        assert pid is not None
        self.seen.add(pid)
        self.n_kills += 1
        return pid

    def kill(self, nanny: WorkerNanny) -> None:
        os.kill(self.find(nanny), signal.SIGKILL)

    def kill_one(self) -> None:
        self.kill(self.chance.choice(self.nannies))

    def kill_both(self) -> None:
        for nanny in self.nannies:
            self.kill(nanny)

    def kill_again_while_it_starts(self) -> None:
        nanny = self.chance.choice(self.nannies)
        for _ in range(3):
            self.kill(nanny)

    def stop_and_replace(self) -> None:
        pid = self.find(self.chance.choice(self.nannies))
        os.kill(pid, signal.SIGSTOP)
        assert self.session.replace(pid)

    def run(self, n_kills: int) -> None:
        ways: list[Callable[[], None]] = [
            self.kill_one,
            self.kill_both,
            self.kill_again_while_it_starts,
            self.stop_and_replace,
        ]
        while self.n_kills < n_kills:
            self.send()
            self.chance.choice(ways)()
            self.take(self.session.wait(self.pending, self.chance.choice([0.0, 0.1, 0.5])))
        while self.pending:
            done = self.session.wait(self.pending, TIMEOUT_S)
            assert done
            self.take(done)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_kills_is_outlived(tmp_path: Path, seed: int) -> None:
    with open_cluster(ClusterConfig("local", workers=2, scratch=tmp_path)) as session:
        assert isinstance(session, DaskSession)
        storm = Storm(session, seed)
        storm.run(N_KILLS)
        until_up(session)
        assert session.n_workers == 2
        last = {facts.pid for facts in session.facts()}
        assert len(last) == 2
        assert not last & storm.seen
        storm.seen |= last | worker_processes()
    assert alive(storm.seen) == set()
    assert list(tmp_path.iterdir()) == []

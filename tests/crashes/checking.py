"""What must hold of a job that was stopped and resumed: nothing acknowledged is forgotten, nothing half is seen."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from arraymill.jobs.store import read_settled, read_state

from .drivers import Ending
from .shapes import Case, output_digest

__all__ = ["History", "has_begun"]


@dataclass(slots=True)
class History:
    """The drivers of one job, one after another, and what was wrong with them.

    Parameters
    ----------
    case : Case
    digest : str
        SHA-256 of the output of an undisturbed run.
    may_retry : bool
        A block may run more than once in one driver, for a disk fails.
    """

    case: Case
    digest: str
    may_retry: bool = False
    acknowledged: set[int] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def add(self, ending: Ending) -> Ending:
        """Take the next driver's ending."""
        again = self.acknowledged & set(ending.ran)
        self.expect(not again, f"blocks {sorted(again)} had been acknowledged and ran again")
        is_once = len(set(ending.ran)) == len(ending.ran)
        self.expect(is_once or self.may_retry, f"one driver ran blocks twice: {ending.ran}")
        self.acknowledged |= set(ending.acknowledged)
        return ending

    def expect(self, is_so: bool, complaint: str) -> None:
        """Keep a complaint unless something is so."""
        if not is_so:
            self.complaints.append(complaint)

    def check_stopped(self, ending: Ending) -> None:
        """Check what others see of a job whose driver was killed."""
        self.expect(ending.signal == signal.SIGKILL, f"it was not killed: {ending}")
        seen = output_digest(self.case)
        self.expect(seen in ("nothing", "old", self.digest), f"something half is seen: {seen}")
        for job in self.case.jobs():
            status, settled = read_state(job).status, read_settled(job)
            self.expect(status == "INTERRUPTED" or (status == "DONE" and settled.committed), f"its state is {status}")

    def check_finished(self, ending: Ending) -> None:
        """Check that a driver finished the job, and that the books say so."""
        self.expect(ending.exit_code == 0 and ending.signal == 0, f"it did not finish: {ending}")
        seen = output_digest(self.case)
        self.expect(seen == self.digest, f"the output is not that of an undisturbed run: {seen}")
        left = sorted(path.name for path in self.case.output.parent.iterdir())
        self.expect(left == [self.case.output.name], f"beside the output lies {left}")
        jobs = [job for job in self.case.jobs() if read_state(job).status == "DONE"]
        self.expect(len(jobs) >= 1, "no job is DONE")
        for job in jobs:
            settled = read_settled(job)
            n_done, n_blocks = len(settled.done), read_state(job).n_blocks
            self.expect(settled.committed and n_done == n_blocks, f"the ledger ends with {n_done} of {n_blocks} blocks")
            self.expect(read_state(job).n_done == n_blocks, "the state counts other blocks than the ledger")

    def expect_no_correction(self) -> None:
        """Check that the ledger never named bytes that were not there."""
        for job in self.case.jobs():
            corrupt = [event for event in read_settled(job).events if event["kind"] == "corrupt"]
            self.expect(not corrupt, f"the ledger named what was not there: {corrupt[:2]}")


def has_begun(case: Case) -> bool:
    """Return whether a job of the case has its first record, so that it is resumed and not run anew."""
    return any(read_settled(job).plan is not None for job in case.jobs())

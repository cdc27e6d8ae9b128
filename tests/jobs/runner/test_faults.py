"""Facts of decisions about failed blocks: every history of the table, with nothing run."""

from __future__ import annotations

import pytest

from arraymill.jobs.runner.faults import Failure, FailureKind, Verdict, counted, judge_block, judge_device
from arraymill.jobs.runner.policy import FaultPolicy

AGAIN, ALONE, FAIL = Verdict("again"), Verdict("alone"), Verdict("fail")


def io(message: str = "OSError: busy") -> Failure:
    return Failure("io", message)


def error(message: str) -> Failure:
    return Failure("error", message)


def death(*, alone: bool = False) -> Failure:
    return Failure("death", "worker cpu0 died", alone)


def oom(*, alone: bool = False) -> Failure:
    return Failure("oom", "worker cpu0 was killed", alone)


BYSTANDER, TIMEOUT, DEVICE = Failure("bystander"), Failure("timeout", "too long"), Failure("device", "ECC")

TABLE = {
    "the first error of reading waits a tenth of a second": ([io()], Verdict("again", 0.1)),
    "the second one twice as long": ([io()] * 2, Verdict("again", 0.2)),
    "the third one four times": ([io()] * 3, Verdict("again", 0.4)),
    "after its retries a block fails": ([io()] * 4, FAIL),
    "errors of reading are counted whatever they say": ([io("a"), io("b"), io("c"), io("d")], FAIL),
    "an exception once is tried again": ([error("a")], AGAIN),
    "the same exception twice fails": ([error("a"), error("a")], FAIL),
    "another exception is tried again": ([error("a"), error("b")], AGAIN),
    "three exceptions fail": ([error("a"), error("b"), error("c")], FAIL),
    "an exception that comes back fails": ([error("a"), io(), error("a")], FAIL),
    "an exception after errors of reading is the first": ([io(), io(), error("a")], AGAIN),
    "a bystander runs again at once": ([BYSTANDER], AGAIN),
    "a bystander may stand by for ever": ([BYSTANDER] * 50, AGAIN),
    "a suspect runs alone": ([death()], ALONE),
    "deaths beside others are not held against a block": ([death()] * 20, ALONE),
    "a death alone": ([death(), death(alone=True)], ALONE),
    "two deaths alone": ([death(), *[death(alone=True)] * 2], ALONE),
    "three deaths alone": ([death(), *[death(alone=True)] * 3], FAIL),
    "a canary that dies three times": ([death(alone=True)] * 3, FAIL),
    "a suspect stays alone when it raises": ([death(), error("a")], ALONE),
    "a suspect stays alone when it cannot read": ([death(), io()], Verdict("alone", 0.1)),
    "a suspect stays alone as a bystander": ([death(), BYSTANDER], ALONE),
    "killed for memory": ([oom()], ALONE),
    "killed for memory twice, once alone": ([oom(), oom(alone=True)], Verdict("no-fit")),
    "killed for memory twice beside others": ([oom(), oom()], ALONE),
    "a canary killed for memory": ([oom(alone=True)], ALONE),
    "a canary killed for memory twice": ([oom(alone=True)] * 2, Verdict("no-fit")),
    "a timeout": ([TIMEOUT], AGAIN),
    "two timeouts": ([TIMEOUT] * 2, FAIL),
    "two timeouts with something between": ([TIMEOUT, io(), TIMEOUT], FAIL),
    "a device's fault": ([DEVICE], AGAIN),
    "faults of devices are not the block's": ([DEVICE] * 9, AGAIN),
}


@pytest.mark.parametrize(("history", "verdict"), TABLE.values(), ids=TABLE)
def test_what_is_done_about_a_block(history: list[Failure], verdict: Verdict) -> None:
    assert judge_block(history, FaultPolicy(retries=3)) == verdict


@pytest.mark.parametrize("kind", ["io", "error"])
def test_a_job_without_retries_has_none(kind: FailureKind) -> None:
    assert judge_block([Failure(kind, "a")], FaultPolicy(retries=0)) == FAIL


def test_back_off_has_an_end() -> None:
    assert judge_block([io()] * 10, FaultPolicy(retries=10)) == Verdict("again", 30.0)


@pytest.mark.parametrize("kind", ["io", "error", "death", "oom", "timeout"])
def test_no_block_fails_for_ever(kind: FailureKind) -> None:
    policy, history = FaultPolicy(retries=10), [Failure(kind, "first", True)]
    while judge_block(history, policy).action in ("again", "alone"):
        history.append(Failure(kind, f"{len(history)}", True))
        assert len(history) <= 11


def test_a_message_counts_what_the_block_did() -> None:
    assert counted([BYSTANDER, DEVICE, io(), death(), TIMEOUT]) == 3


def test_a_device_has_two_faults() -> None:
    assert [judge_device(n) for n in (1, 2, 3)] == ["replace", "retire", "retire"]

"""Facts of the agenda: who goes first, who waits, who goes alone."""

from __future__ import annotations

from arraymill.jobs.runner.agenda import Agenda, Sending
from arraymill.jobs.runner.faults import Verdict


def indices(tasks: list[list[Sending]]) -> list[int]:
    return [sending.index for (sending,) in tasks]


def test_fresh_blocks_come_in_their_order() -> None:
    agenda = Agenda([5, 3, 4])
    assert indices(agenda.take(2, now_s=0, is_idle=True)) == [5, 3]
    assert agenda.n_fresh == 1
    assert not agenda.is_empty
    assert indices(agenda.take(9, now_s=0, is_idle=False)) == [4]
    assert agenda.is_empty


def test_a_block_that_waits_lets_others_pass_and_then_goes_first() -> None:
    agenda = Agenda([1, 2, 3])
    agenda.put_back(0, Verdict("again", 0.5), now_s=10)
    assert agenda.due_in_s(10.2) == 0.5 - (10.2 - 10)
    assert indices(agenda.take(1, now_s=10.2, is_idle=True)) == [1]
    assert indices(agenda.take(2, now_s=10.5, is_idle=True)) == [0, 2]
    assert agenda.due_in_s(11) is None


def test_a_suspect_goes_alone_when_nothing_else_can_be_sent() -> None:
    agenda = Agenda([1])
    agenda.put_back(0, Verdict("alone"), now_s=0)
    assert agenda.take(4, now_s=0, is_idle=True) == [[Sending(1)]]
    assert agenda.take(4, now_s=0, is_idle=False) == []
    assert agenda.take(4, now_s=0, is_idle=True) == [[Sending(0, is_alone=True)]]


def test_a_suspect_goes_before_fresh_blocks_that_are_held_back() -> None:
    agenda = Agenda([1])
    agenda.put_back(0, Verdict("alone"), now_s=0)
    assert agenda.take(4, now_s=0, is_idle=True, may_start=False) == [[Sending(0, is_alone=True)]]


def test_a_suspect_waits_for_its_back_off() -> None:
    agenda = Agenda([])
    agenda.put_back(0, Verdict("alone", 1.0), now_s=0)
    assert agenda.take(4, now_s=0.5, is_idle=True) == []
    assert agenda.take(4, now_s=1.0, is_idle=True) == [[Sending(0, is_alone=True)]]


def test_blocks_held_back_go_one_by_one_when_nothing_else_is_left() -> None:
    agenda = Agenda([1, 2])
    assert agenda.take(4, now_s=0, is_idle=False, may_start=False) == []
    assert agenda.take(4, now_s=0, is_idle=True, may_start=False) == [[Sending(1, is_alone=True)]]


def test_a_first_block_in_its_back_off_is_not_overtaken_while_others_are_held_back() -> None:
    agenda = Agenda([1, 2])
    agenda.put_back(0, Verdict("again", 1.0), now_s=0)
    assert agenda.take(4, now_s=0, is_idle=True, may_start=False) == []
    assert agenda.take(4, now_s=1, is_idle=True, may_start=False) == [[Sending(0)]]


def test_fresh_blocks_travel_together_and_those_that_run_again_by_themselves() -> None:
    agenda = Agenda(range(10, 17))
    agenda.put_back(2, Verdict("again"), now_s=0)
    tasks = agenda.take(3, now_s=0, is_idle=False, size=4)
    assert [[sending.index for sending in task] for task in tasks] == [[2], [10, 11, 12, 13], [14, 15, 16]]
    assert agenda.is_empty


def test_blocks_that_are_held_back_do_not_travel_together() -> None:
    agenda = Agenda([1, 2, 3])
    assert agenda.take(4, now_s=0, is_idle=True, may_start=False, size=3) == [[Sending(1, is_alone=True)]]

"""Tests of jobs/arrays/joined/members.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from arraymill.jobs.arrays.joined.members import MOST_OPEN, OpenMembers
from arraymill.jobs.errors import InputChangedError


@dataclass
class Member:
    """A source that tells whether it is open, and may fail when it is closed."""

    has_changed: bool = False
    events: list[str] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[Any]:
        self.events.append("open")
        yield self
        self.events.append("closed")
        if self.has_changed:
            raise InputChangedError("changed")


def test_a_member_is_opened_once_and_few_are_open() -> None:
    members: list[Any] = [Member() for _ in range(MOST_OPEN + 2)]
    with OpenMembers(members) as opened:
        assert opened[0] is opened[0] is members[0]
        for number in range(MOST_OPEN):
            opened[number]
        opened[0]
        opened[MOST_OPEN]
        assert len(opened) == MOST_OPEN
        # the one that was not used for longest
        assert [member.events for member in members[:2]] == [["open"], ["open", "closed"]]
        assert members[-1].events == []
    assert [member.events for member in members[:-1]] == [["open", "closed"]] * (MOST_OPEN + 1)


def test_all_are_closed_and_the_first_failure_is_told() -> None:
    members: list[Any] = [Member(), Member(has_changed=True), Member()]

    def use() -> None:
        with OpenMembers(members) as opened:
            for number in range(3):
                opened[number]

    with pytest.raises(InputChangedError):
        use()
    assert [member.events[-1] for member in members] == ["closed"] * 3


def test_an_error_inside_is_not_hidden_by_one_of_closing() -> None:
    def use() -> None:
        with OpenMembers([Member(has_changed=True)]) as opened:  # type: ignore[list-item]
            opened[0]
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        use()

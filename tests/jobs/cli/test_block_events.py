import pytest

from arraymill.jobs.cli.block_events import event_line, format_blocks


@pytest.mark.parametrize(
    ("blocks", "text"), [([], ""), ([5], "5"), ({2, 1}, "1-2"), (range(100), "0-99"), ([1, 3, 5], "1, 3, 5")]
)
def test_blocks_are_ranges(blocks, text):
    assert format_blocks(blocks) == text


def test_events_cannot_steer_the_terminal():
    assert event_line({"kind": "retry", "block": 1, "message": "\x1b[2J"}) == "retry     message \\x1b[2J"


def test_a_block_that_was_halved_says_so():
    line = event_line({"kind": "block", "attempt": 2, "pid": 1, "wall_s": 1.0, "n_splits": 2})
    assert "halved 2 times" in line

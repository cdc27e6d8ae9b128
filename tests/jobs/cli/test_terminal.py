import io

import pytest

from arraymill.jobs.cli.terminal import escape, wants_color


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x.npy", "x.npy"),
        ("größe 数.npy", "größe 数.npy"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\udcffb", "a\\udcffb"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(text, shown):
    assert escape(text) == shown


def test_files_get_no_color_unless_forced(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert wants_color(io.StringIO()) is False
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert wants_color(io.StringIO()) is True
    monkeypatch.setenv("NO_COLOR", "1")
    assert wants_color(io.StringIO()) is False

import pytest

from arraymill.jobs.cli.log_lines import follow_log, read_log, shown_line


def test_lines_cannot_steer_the_terminal():
    assert shown_line(b"\x1b[2J\xff caf\xc3\xa9\n") == "\\x1b[2J\\udcff café"


@pytest.mark.parametrize(("n_last", "lines"), [(None, ["a", "b", "c"]), (2, ["b", "c"]), (0, []), (9, ["a", "b", "c"])])
def test_the_end_of_a_file(tmp_path, n_last, lines):
    path = tmp_path / "log"
    path.write_bytes(b"a\nb\nc")
    assert read_log(path, n_last) == lines


def test_a_file_that_is_not_there_has_no_lines(tmp_path):
    assert read_log(tmp_path / "log") == []


class Writer:
    """Writes the next part of a file at each look, and is over when all is written."""

    def __init__(self, path, parts):
        self.path, self.parts = path, list(parts)

    def is_over(self):
        return not self.parts

    def sleep(self, seconds):
        with self.path.open("ab") as file:
            file.write(self.parts.pop(0))


@pytest.mark.parametrize("parts", [[b"a\n", b"b\nc\n", b"d"], [b"a", b"\n", b"b\nc", b"\nd"], [b"a\nb\nc\nd\n"]])
def test_what_comes_is_yielded_by_line(tmp_path, parts):
    writer = Writer(tmp_path / "log", parts)
    assert list(follow_log(writer.path, writer.is_over, sleep=writer.sleep)) == ["a", "b", "c", "d"]


def test_what_was_there_can_be_cut(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"a\nb\n")
    writer = Writer(path, [b"c\n"])
    assert list(follow_log(path, writer.is_over, n_last=1, sleep=writer.sleep)) == ["b", "c"]


def test_what_is_written_before_the_end_is_seen(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"a\n")

    def is_over():
        with path.open("ab") as file:
            file.write(b"last\n")
        return True

    assert list(follow_log(path, is_over)) == ["a", "last"]


def test_a_log_that_never_comes_ends_with_its_job(tmp_path):
    assert list(follow_log(tmp_path / "log", lambda: True)) == []

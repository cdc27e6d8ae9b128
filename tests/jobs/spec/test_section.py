import pytest
from pydantic import ValidationError

from arraymill.jobs.spec.section import Section, parse_path


class Example(Section):
    """An example."""

    path: str = ""
    """Where it
    is."""
    bare: int = 0


def test_fields_are_described_by_the_text_under_them():
    fields = Example.model_json_schema()["properties"]
    assert fields["path"]["description"] == "Where it\nis."
    assert "description" not in fields["bare"]


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="extra"):
        Example(pth="x")


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_impossible_paths_are_refused(path):
    with pytest.raises(ValueError, match="at least one character"):
        parse_path(path)


def test_bytes_that_are_not_utf_8_are_refused_by_name():
    with pytest.raises(ValueError, match="not UTF-8"):
        parse_path(b"gr\xf6sse.npy".decode(errors="surrogateescape"))


def test_a_home_alone_is_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert (parse_path("~"), parse_path("~/x~"), parse_path(3)) == ("/home/ada", "/home/ada/x~", 3)

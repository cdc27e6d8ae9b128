import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.errors import SpecError
from arraymill.jobs.spec.yaml import MAX_BYTES, parse_yaml, read_text
from arraymill.jobs.spec.yaml_builder import MAX_DEPTH


def value_of(text):
    return parse_yaml(f"value: {text}\n", "job.yaml").tree["value"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("6.02E23", 6.02e23),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ('"no"', "no"),
        ("2026-11-01", "2026-11-01"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("70%", "70%"),
        ("[1, a]", [1, "a"]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ],
)
def test_values_are_read_as_yaml_1_2_says(text, expected):
    value = value_of(text)
    assert value == expected
    assert type(value) is type(expected)


def test_special_floats():
    assert value_of("-.inf") == -math.inf
    assert math.isnan(value_of(".nan"))


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "No", "ON"])
def test_words_that_readers_disagree_about_are_refused(word):
    with pytest.raises(SpecError, match=f"{word} is a boolean for some readers"):
        value_of(word)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no mapping"),
        ("- a\n", "no mapping"),
        ("sum", "no mapping"),
        ("a: 1\nb: 2\na: 3\n", r"line 3: 'a' stands here for the second time \(first: line 1\)"),
        ("a: &x 1\n", "line 1: an anchor"),
        ("a: 1\nb: *x\n", "line 2: an alias"),
        ("a: &a [x]\nb: [*a, *a]\n", "line 2: an alias"),
        ("<<: {a: 1}\n---\nb: 1\n", "line 2: a second document"),
        ("a: !!python/object/apply:os.system [id]\n", "line 1: a tag"),
        ("a: !!binary aGk=\n", "line 1: a tag"),
        ("? [a]\n: 1\n", "line 1: a key that is a list"),
        ("a: [1\n", "not YAML"),
        ("op: sum\n\tx: 1\n", "line 2: not YAML"),
        ("op: \x07\n", "not YAML"),
        (b"op: \xff\n", "byte 4 is not UTF-8"),
        (b"a: " + b"x" * MAX_BYTES, "longer than the 256 KiB"),
        ("a: " + "[" * 100_000, f"more than {MAX_DEPTH} levels"),
        ("a: " + "{b: " * 30 + "1" + "}" * 30, f"more than {MAX_DEPTH} levels"),
    ],
)
def test_documents_that_are_refused(text, said):
    with pytest.raises(SpecError, match=said) as caught:
        parse_yaml(text, "job.yaml")
    assert caught.value.what.startswith("job.yaml: ")


def test_all_problems_are_listed():
    with pytest.raises(SpecError) as caught:
        parse_yaml("a: yes\nb: &x 1\na: 2\n", "job.yaml")
    assert [line.split(":")[0].strip() for line in caught.value.cause.splitlines()] == ["line 1", "line 2", "line 3"]
    assert caught.value.what == "job.yaml: 3 problems"


def test_deepest_allowed_document_is_read():
    n = MAX_DEPTH - 1
    assert value_of("[" * n + "]" * n) is not None


def test_every_value_knows_its_line():
    document = parse_yaml("op: sum\ninputs:\n  - x.npy\n  - {path: y.npy}\nmemory:\n  host: 70%\n", "job.yaml")
    assert document.place(("inputs", 1, "path")) == "line 4"
    assert document.place(("memory", "host")) == "line 6"
    assert document.place(("memory", "device")) == "line 5"
    assert document.place(("nothing",)) == ""


def test_byte_order_mark_is_skipped():
    assert parse_yaml(b"\xef\xbb\xbfop: sum\n", "job.yaml").tree == {"op": "sum"}


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"nothing\.yaml: cannot be read"):
        read_text(tmp_path / "nothing.yaml")


# Without line separators and controls: PyYAML itself does not read back all of those that it writes.
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, PLAIN, max_size=4))
def test_what_pyyaml_writes_is_read_back(tree):
    text = yaml.safe_dump(tree, allow_unicode=True)
    assert parse_yaml(text, "job.yaml").tree == tree


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_only_our_error_leaves(text):
    try:
        tree = parse_yaml(text, "job.yaml").tree
    except SpecError:
        return
    assert isinstance(tree, dict)

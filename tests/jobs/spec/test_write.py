"""Facts of jobs written as YAML: the library reads back what was written, whatever it is."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.spec.write import format_yaml
from arraymill.jobs.spec.yaml import parse_yaml

ODD = ("no", "On", "y", "null", "~", "", " a", "a ", "1e5", "0x1F", "1_000", "12:30:45", "2026-01-01", "=", "<<", "é")
TEXTS = st.text() | st.text("abcxyz_/.-\\\"'#:{}[], ~0123", max_size=9) | st.sampled_from([*ODD, "\U0001f600"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=9
)


@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_it_reads_back_as_what_the_library_writes(tree: dict[str, Any]) -> None:
    assert yaml.safe_load(format_yaml(tree)) == yaml.safe_load(yaml.safe_dump(tree, allow_unicode=True))


def test_a_job_reads_back_as_it_was() -> None:
    tree = {"op": "map", "params": {"expr": "nan + x", "no": [None, True, -2, 0.5, "1e3", "yes"]}, "inputs": {"0": {}}}
    assert parse_yaml(format_yaml(tree), "spec.yaml").tree == tree


@pytest.mark.parametrize("value", [float("inf"), 1e-9, 1e22, "line\nbreak", "\x00", "\ufeff"])
def test_what_is_not_simple_is_left_to_the_library(value: object) -> None:
    assert yaml.safe_load(format_yaml({"value": value})) == {"value": value}


def test_a_simple_job_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    tree = {"version": 1, "op": "map", "params": {"expr": "x * 2 + 'a'"}, "output": {"path": "/out/my file.npy"}}
    text = format_yaml(tree)
    monkeypatch.undo()
    assert yaml.safe_load(text) == tree

"""Facts of records: they travel as JSON and come back whole."""

from __future__ import annotations

import json

import pytest

from arraymill.jobs.engine import BlockRecord

RECORD = BlockRecord(
    3, 42, 1.5, 0.25, 800, 80, 1 << 30, {"read": 0.125}, attempt=2, n_splits=1, crc32=2**32 - 1, peak_device_bytes=9
)


def test_a_record_is_whole_after_json() -> None:
    assert BlockRecord.from_json(json.loads(json.dumps(RECORD.to_json()))) == RECORD


def test_fields_of_the_ledger_and_of_other_versions_are_left_out() -> None:
    assert BlockRecord.from_json(RECORD.to_json() | {"kind": "block", "colour": "red"}) == RECORD


def test_fields_that_came_later_have_defaults() -> None:
    old = {name: value for name, value in RECORD.to_json().items() if name not in ("attempt", "n_splits", "crc32")}
    record = BlockRecord.from_json(old)
    assert (record.attempt, record.n_splits, record.crc32) == (1, 0, None)


def test_a_record_without_its_block_is_none() -> None:
    with pytest.raises(TypeError):
        BlockRecord.from_json({"pid": 3})

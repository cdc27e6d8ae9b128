"""Tests of jobs/operations/apply/row_bytes.py."""

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.blocks import as_slices
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations.apply.row_bytes import ROW_BYTES, RowBytesParams
from arraymill.jobs.stages.shapes import MapStage


@pytest.mark.parametrize("block_bytes", [None, 1, 50])
def test_outputs_lie_side_by_side(block_bytes: int | None) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(9, 2, 3)).astype("f4"), rng.random(9) > 0.5, rng.normal(size=(9, 2)) * 1j]
    rows = np.concatenate([np.ascontiguousarray(part).reshape(9, -1).view(np.uint8) for part in parts], axis=1)
    offset = 0
    for part in parts:
        params = RowBytesParams(offset=offset, dtype=part.dtype.str, shape=part.shape[1:])
        assert ROW_BYTES.build is not None
        draft = ROW_BYTES.build([ArrayHeader("rows", rows.shape, rows.dtype)], params, Limits(block_bytes=block_bytes))
        assert isinstance(draft.stage, MapStage)
        out = np.empty(draft.output.shape, draft.output.dtype)
        for region in draft.stage.grid.regions():
            blocks = [rows[as_slices(wanted)] for wanted in draft.stage.operand_regions(region)]
            draft.stage.kernel.apply_into(blocks, out[as_slices(region)], region)
        np.testing.assert_array_equal(out, part)
        np.testing.assert_array_equal(ROW_BYTES.oracle([rows], params), part)
        offset += params.nbytes

"""Cases of operations that move elements, and how their answers are held to NumPy's: to the last bit."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import numpy as np
import torch
from hypothesis import strategies as st
from in_process_jobs import ROOMY, ShuffledSession, run_arrays
from numpy.typing import NDArray
from operation_contract import CODES, LAYOUTS, byte_orders, lay_out

from arraymill.jobs.arrays import MemorySource
from arraymill.jobs.blocks import as_slices
from arraymill.jobs.engine.splitting import split_stage
from arraymill.jobs.limits import Limits
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.stages.shapes import MapStage

shapes = st.lists(st.sampled_from((0, 1, 2, 3, 5, 7)), max_size=4).map(tuple) | st.sampled_from(
    ((300, 70), (70, 301), (40, 3, 50), (2, 3, 1, 80), (5000,))
)


@st.composite
def arrays(draw: st.DrawFn, shape: tuple[int, ...], codes: tuple[str, ...] = CODES) -> NDArray[Any]:
    """Draw an array of any bits (NaNs with payloads among them), dtype, layout and byte order."""
    dtype = np.dtype(draw(st.sampled_from(codes)))
    n_bytes = int(np.prod(shape, dtype=int)) * dtype.itemsize
    raw = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, n_bytes, np.uint8)
    values = (raw % 2 if dtype.kind == "b" else raw).view(dtype).reshape(shape)
    return lay_out(values, draw(st.sampled_from(LAYOUTS)), draw(byte_orders))


def check_moved(name: str, inputs: list[NDArray[Any]], params: dict[str, Any], n_blocks: int | None = None) -> None:
    """Run an operation in about `n_blocks` blocks and hold its bits to NumPy's of native arrays."""
    native = [x.astype(x.dtype.newbyteorder("=")) for x in inputs]
    operation = OPERATIONS[name]
    expected = np.asarray(operation.oracle(native, operation.params(**params)))
    before = [x.tobytes() for x in inputs]
    block_bytes = None if n_blocks is None else max(expected.nbytes // n_blocks, 1)
    session = ShuffledSession(seed=1)
    result = run_arrays(name, inputs, params, block_bytes=block_bytes, session=session)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert result.tobytes() == expected.tobytes()
    assert [x.tobytes() for x in inputs] == before


def check_kernel(name: str, inputs: list[NDArray[Any]], params: dict[str, Any], n_splits: int = 0) -> None:
    """Hold the kernel on torch, and on pieces that were halved, to NumPy's answer."""
    operation = OPERATIONS[name]
    headers = [MemorySource(f"x{number}", x).header for number, x in enumerate(inputs)]
    stage = plan_job(operation, headers, params, budget=ROOMY, block_bytes=1 << 16).stage
    assert isinstance(stage, MapStage)
    expected = operation.oracle(inputs, operation.params(**params))
    seen = [x.T for x in inputs] if stage.reverse else inputs
    seen = [x.reshape(-1) for x in seen] if stage.is_flat else seen
    whole = expected.T if stage.reverse else expected
    for region in split_stage(stage, n_splits).grid.regions():
        blocks = [
            np.ascontiguousarray(x[as_slices(own)]) for x, own in zip(seen, stage.operand_regions(region), strict=True)
        ]
        part = stage.kernel.apply(xp, [torch.from_numpy(block.copy()) for block in blocks], region).numpy()
        assert (part.dtype, part.tobytes()) == (expected.dtype, whole[as_slices(region)].tobytes())
        again = stage.kernel.apply(np, blocks, region)
        assert (again.dtype, again.tobytes()) == (part.dtype, part.tobytes())


def draft_of(name: str, headers: list[Any], limits: Limits | None = None, **params: Any) -> Any:
    """Return what an operation makes of headers."""
    operation = OPERATIONS[name]
    assert operation.build is not None
    return operation.build(headers, operation.params(**params), limits or Limits())

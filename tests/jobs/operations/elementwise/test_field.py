"""Facts of fields taken out of records."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from in_process_jobs import ROOMY, run_plan

from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.operations.elementwise.field import FIELD
from arraymill.jobs.plans.planning import plan_job

PAIR = np.dtype([("distance", "f4"), ("index", "i8"), ("row", "f8", (3,))])


@pytest.mark.parametrize("shape", [(5,), (4, 3), (0, 3), ()])
@pytest.mark.parametrize("name", ["distance", "index", "row"])
@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
def test_a_field_is_numpys(shape: tuple[int, ...], name: str, backend: Any) -> None:
    records = np.frombuffer(np.random.default_rng(1).bytes(int(np.prod(shape)) * PAIR.itemsize), PAIR).reshape(shape)
    plan = plan_job(FIELD, [ArrayHeader("r", shape, PAIR)], {"name": name}, budget=ROOMY)
    made = run_plan(plan, [records], backend=backend)
    assert made.dtype == PAIR.fields[name][0].base
    assert made.tobytes() == np.ascontiguousarray(records[name]).tobytes()

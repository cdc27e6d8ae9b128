import json

import numpy as np
import pytest

from arraymill.jobs.cli.plan_view import header_text, plan_record, plan_table
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.placement import Place
from arraymill.jobs.planning import plan_job
from arraymill.jobs.spec import OutputSpec

PLACE = Place("local", "cpu", "as asked")


@pytest.fixture
def planned():
    headers = [ArrayHeader(name, (4096, 4096), np.dtype("f4")) for name in ("a\x1b.npy", "b.npy")]
    return plan_job(OPERATIONS["matmul"], headers, {}, budget=Budget(1 << 30), n_workers=2)


def test_table_says_what_where_and_how_long(planned):
    text = plan_table(planned, PLACE, OutputSpec(path="c.npy"))
    lines = dict(line.split(maxsplit=1) for line in text.splitlines()[3:])
    assert lines["output"].startswith("c.npy  (4096, 4096) float32")
    assert lines["runs"].startswith("on     CPU, local, 2 workers, precision standard (as asked)")
    assert "137 GFLOP" in lines["work"]
    assert "bound by computing" in lines["time"]


def test_names_are_escaped(planned):
    assert "\x1b" not in plan_table(planned, PLACE, None)


def test_parameters_that_are_off_are_not_shown(planned):
    assert "transpose" not in plan_table(planned, PLACE, None)
    header = ArrayHeader("x.npy", (100, 4), np.dtype("f4"))
    text = plan_table(plan_job(OPERATIONS["var"], [header], {"axis": 0}, budget=Budget(1 << 30)), PLACE, None)
    assert "axis=0, ddof=0" in text


def test_record_is_json_and_complete(planned):
    record = json.loads(json.dumps(plan_record(planned, PLACE)))
    assert (record["schema"], record["feasible"], record["n_blocks"]) == (1, True, planned.n_blocks)
    assert record["inputs"][1] == {
        "name": "b.npy",
        "nbytes": 4 * 4096**2,
        "shape": [4096, 4096],
        "dtype": "<f4",
        "order": "C",
    }


def test_scalar_header():
    assert header_text(ArrayHeader("x", (), np.dtype("f8"))) == "() float64, 8 B"

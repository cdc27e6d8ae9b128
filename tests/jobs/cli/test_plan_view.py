import json
from dataclasses import replace

import numpy as np
import pytest

from arraymill.jobs.cli.plan_view import header_text, plan_record, plan_table, tiles_per_task
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.limits import Budget
from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.plans.placement import Place
from arraymill.jobs.plans.planning import plan_job
from arraymill.jobs.spec.job_spec import OutputSpec

PLACE = Place("local", "cpu", "as asked")
ON_GPU = Place("cuda", "cuda", "one worker per GPU")


@pytest.fixture
def planned():
    headers = [ArrayHeader(name, (4096, 4096), np.dtype("f4")) for name in ("a\x1b.npy", "b.npy")]
    return plan_job(OPERATIONS["matmul"], headers, {}, budget=Budget(1 << 30), n_workers=2)


@pytest.fixture
def planned_on_gpu():
    headers = [ArrayHeader(name, (49152, 49152), np.dtype("f4")) for name in ("a.npy", "b.npy")]
    budget = Budget(64 << 30, 16 << 30)
    return plan_job(OPERATIONS["matmul"], headers, {}, budget=budget, device="cuda", precision="fast")


def plan_of(name, params, shape=(2_000_000, 512)):
    return plan_job(OPERATIONS[name], [ArrayHeader("x.npy", shape, np.dtype("f4"))], params, budget=Budget(8 << 30))


def rows_of(text):
    """Return the rows above the steps by their labels."""
    rows = text.partition("\n\n")[0].splitlines()[1:]
    width = rows[0].index("  ", 4)
    label_end = next(i for i in range(width, len(rows[0])) if rows[0][i] != " ")
    return {row[2:label_end].strip(): row[label_end:] for row in rows}


def steps_of(text):
    """Return the columns of each step by its name."""
    _, *lines = text.partition("\n\n")[2].splitlines()
    return {line[2:16].split("  ")[0].strip(): line for line in lines}


def test_table_says_what_where_and_how_long(planned):
    rows = rows_of(plan_table(planned, PLACE, OutputSpec(path="c.npy")))
    assert rows["output"].startswith("c.npy  (4096, 4096) float32")
    assert rows["runs on"] == "CPU, local, 2 workers, precision standard (as asked)"
    assert rows["tasks"] == "8 of 512 x 4096"
    assert rows["products"] == "all of k (4096) at once"
    assert rows["time"].startswith("about 687 ms at nominal rates: bound by computing")
    assert rows["at least"].startswith("687 ms and 201 MB by any schedule: 100 % and ")


def test_table_says_how_long_packing_takes():
    plan = plan_of("map", {"expr": "x * 2"})
    tables = {name: plan_table(plan, PLACE, OutputSpec(path=name)) for name in ("y.npy", "y.h5::a/b", "y.csv")}
    tables["gzip"] = plan_table(plan, PLACE, OutputSpec(path="y.h5", compression="gzip"))
    assert ["packing" in table for table in tables.values()] == [False, True, True, True]
    assert rows_of(tables["y.h5::a/b"])["packing"] == "then about 8.2 s into .h5, by one process, at nominal rates"
    assert "packing" not in plan_table(plan, PLACE, None)


def test_every_step_has_its_amount_rate_and_seconds(planned):
    steps = steps_of(plan_table(planned, PLACE, None))
    assert list(steps) == ["read", "compute", "write"]
    assert steps["compute"].split()[1:] == ["137", "GFLOP", "200", "GFLOP/s", "687", "ms", "#" * 24, "limit"]
    assert "limit" not in steps["read"] + steps["write"]


def test_a_gpus_tiles_panel_arithmetic_and_link_are_shown(planned_on_gpu):
    text = plan_table(planned_on_gpu, ON_GPU, None)
    rows, steps = rows_of(text), steps_of(text)
    stage = planned_on_gpu.stage
    tile = f"{stage.pieces[0]} x {stage.pieces[1]}"
    assert rows["tasks"] == f"1 of 49152 x 49152, each {tiles_per_task(stage)} tiles of {tile}"
    assert rows["products"] == "k in slabs of 4096, tiles by columns, a panel of b stays on the GPU, TF32 products"
    assert rows["memory"].endswith("of 17.2 GB")
    assert "29.0 GB over the link" in rows["moves"]
    assert "100 % of this one's" in rows["at least"]
    assert list(steps) == ["read", "to the GPU", "compute", "from the GPU", "write"]


def test_whose_rates_they_are_is_said(planned):
    assert "rates measured on this machine" in plan_table(replace(planned, is_measured=True), PLACE, None)
    assert "measured rate  " in plan_table(replace(planned, is_measured=True), PLACE, None)
    assert "nominal rate  " in plan_table(planned, PLACE, None)


def test_a_reduction_has_the_rows_that_make_sense():
    text = plan_table(plan_of("sum", {"axis": 0}), PLACE, None)
    rows = rows_of(text)
    assert rows["tasks"].startswith("62 of 32384 x 512, each ")
    assert "pieces of" in rows["tasks"]
    assert "products" not in rows
    assert "100 % and 100 % of this one's" in rows["at least"]


def test_ranges_of_k_are_shown():
    headers = [ArrayHeader(name, (10**9,), np.dtype("f4")) for name in "ab"]
    made = plan_job(OPERATIONS["matmul"], headers, {}, budget=Budget(8 << 30))
    assert rows_of(plan_table(made, PLACE, None))["tasks"] == f"{made.n_blocks} of 1 x 1, k in {made.n_blocks} parts"


def test_what_is_known_from_the_shapes_takes_no_steps():
    text = plan_table(plan_of("sum", {"axis": 0}, (0, 4)), PLACE, None)
    assert "none: the result is known from the shapes" in text
    assert "limit" not in text


def test_names_are_escaped(planned):
    assert "\x1b" not in plan_table(planned, PLACE, None)


def test_parameters_that_are_off_are_not_shown(planned):
    assert "transpose" not in plan_table(planned, PLACE, None)
    assert "axis=0, ddof=0" in plan_table(plan_of("var", {"axis": 0}, (100, 4)), PLACE, None)


def test_a_table_fits_a_wide_terminal(planned_on_gpu):
    assert max(map(len, plan_table(planned_on_gpu, ON_GPU, None).splitlines())) <= 110


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
    assert (record["rates"], record["bytes_ratio"] > 1, record["least_s"] > 0) == ("nominal", True, True)
    assert record["stage"] == {
        "shape": [4096, 4096, 4096],
        "chunks": [512, 4096, 4096],
        "counts": [8, 1, 1],
        "n_parts": 1,
        "tiles_per_task": 1,
        "tile": [512, 4096],
        "slab": 4096,
        "order": "rows",
        "resident": "none",
        "mode": "ieee",
    }


@pytest.mark.parametrize("made", [plan_of("sum", {"axis": 0}), plan_of("sum", {"axis": 0}, (0, 4))])
def test_every_stage_has_a_record(made):
    record = json.loads(json.dumps(plan_record(made, PLACE)))
    assert record["stage"]["chunks"] == list(made.stage.grid.chunks)


def test_scalar_header():
    assert header_text(ArrayHeader("x", (), np.dtype("f8"))) == "() float64, 8 B"

"""Facts of calibrations: what goes into a file comes out of it, and nothing else is taken for one."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.rates.calibration import Calibration
from arraymill.jobs.rates.workers import Rates, measured_rates, rates_of

F4 = np.dtype("f4")
PLAUSIBLE = st.floats(1.0, 1e18)
MAYBE = st.none() | PLAUSIBLE
KINDS = st.sampled_from(["f4", "f8", "tf32", "fp16", "bf16"])
calibrations = st.builds(
    Calibration,
    device=st.sampled_from(["cpu", "cuda"]),
    measured_s=st.floats(0, 1e10),
    took_s=st.floats(0, 10),
    share=st.floats(0, 1),
    n_cores=st.integers(1, 512),
    folder=st.text(max_size=20),
    read=MAYBE,
    most_read=MAYBE,
    map_read=MAYBE,
    map_write=MAYBE,
    writes=st.dictionaries(st.sampled_from([1, 2, 4]), PLAUSIBLE),
    durable_write=MAYBE,
    flops=st.dictionaries(KINDS, PLAUSIBLE),
    to_device=MAYBE,
    from_device=MAYBE,
    problems=st.lists(st.text(max_size=20), max_size=4).map(tuple),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def one(device: str = "cpu", **rates: Any) -> Calibration:
    return Calibration(device, 1.7e9, 1.1, 1.0, 2, "/scratch", **rates)  # type: ignore[arg-type]


@given(calibrations)
def test_a_calibration_survives_its_file(calibration: Calibration) -> None:
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json(), allow_nan=False))) == calibration


@given(calibrations, st.data())
def test_a_field_that_is_spoilt_is_refused_or_plausible(calibration: Calibration, data: st.DataObject) -> None:
    document = calibration.to_json()
    name = data.draw(st.sampled_from(sorted(document)))
    document[name] = data.draw(JSON)
    try:
        found = Calibration.from_json(document)
    except ValueError:
        return
    assert measured_rates(found, found.device, "standard", F4).flops >= 1


@given(JSON)
def test_anything_else_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"missing|mapping"):
        Calibration.from_json(document)


def test_measured_rates_take_the_place_of_nominal_ones() -> None:
    found = measured_rates(
        one(read=1e9, most_read=2e9, writes={1: 3e9, 2: 4e9}, flops={"f4": 5e9}), "cpu", "standard", F4
    )
    assert found == Rates(read=1e9, most_read=2e9, write=3e9, most_write=4e9, flops=5e9, is_measured=True)


def test_what_is_written_together_is_bounded_by_the_disk() -> None:
    found = measured_rates(one(writes={1: 3e9}, durable_write=1e8), "cpu", "standard", F4)
    assert (found.write, found.most_write) == (3e9, 1e8)


def test_what_is_missing_stays_nominal_and_is_not_called_measured() -> None:
    assert measured_rates(one(), "cpu", "standard", F4) == rates_of("cpu", "standard", F4)
    assert not measured_rates(one(read=1e9), "cpu", "standard", F4).is_measured
    assert not measured_rates(one("cuda", read=1e9, flops={"f4": 1e12}), "cuda", "standard", F4).is_measured


def test_rates_of_another_device_are_not_taken() -> None:
    calibration = one("cpu", read=1e9, flops={"f4": 1e9})
    assert measured_rates(calibration, "cuda", "standard", F4) == rates_of("cuda", "standard", F4)
    assert measured_rates(None, "cuda", "standard", F4) == rates_of("cuda", "standard", F4)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf, 1e-300, 1e300])
def test_an_absurd_rate_is_passed_over(rate: float) -> None:
    found = measured_rates(one(read=rate, flops={"f4": rate}, writes={1: rate}), "cpu", "standard", F4)
    assert found == rates_of("cpu", "standard", F4)


def test_three_products_in_tf32_take_three_times_as_long_as_one() -> None:
    assert measured_rates(one("cuda", flops={"tf32": 3e14}), "cuda", "fast-fp32", F4).flops == 1e14


def test_rates_survive_a_record() -> None:
    rates = measured_rates(one(read=1e9, flops={"f4": 1e9}), "cpu", "standard", F4)
    assert Rates.from_json(json.loads(json.dumps(rates.to_json(), allow_nan=False))) == rates


@pytest.mark.parametrize("document", [{}, {"read": -1.0}])
def test_a_record_without_rates_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no rate"):
        Rates.from_json(document)


def test_workers_share_what_a_machine_can_do() -> None:
    rates = Rates(read=1.0, most_read=3.0, write=1.0, most_write=2.0, flops=1.0)
    assert rates.together(4) == {
        "read": 3.0,
        "to_device": math.inf,
        "compute": 4.0,
        "from_device": math.inf,
        "write": 2.0,
    }

"""Random numbers are NumPy's of the seed at every place, however the array is cut; and as random as they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process_jobs import ShuffledSession, plan_arrays, run_arrays
from scipy import special, stats

from arraymill.jobs.blocks import Grid, as_slices
from arraymill.jobs.errors import SpecError
from arraymill.jobs.operations.creation.normal import normal_of_uniform
from arraymill.jobs.stages.shapes import MapStage

SHAPES = ((), (0,), (1,), (9,), (5, 3), (3, 0, 2), (2, 3, 5), (41, 1000))


def numpys(seed: int, shape: tuple[int, ...], dtype: str) -> Any:
    return np.random.Generator(np.random.Philox(key=seed)).random(shape, dtype=np.dtype(dtype).type)


@pytest.mark.parametrize("backend", ["numpy", "torch-cpu"])
@settings(max_examples=50)
@given(
    name=st.sampled_from(("rand", "randn")),
    shape=st.sampled_from(SHAPES),
    dtype=st.sampled_from(("float32", "float64")),
    seed=st.sampled_from((0, 1, 2**64 - 1)),
    n_blocks=st.sampled_from((None, 1, 3, 50)),
)
def test_numbers_depend_on_the_seed_and_the_place_alone(
    name: str, backend: Any, shape: tuple[int, ...], dtype: str, seed: int, n_blocks: int | None
) -> None:
    block_bytes = None if n_blocks is None else int(np.prod(shape)) * 8 // n_blocks + 1
    session = ShuffledSession(seed=1, n_workers=2)
    params = {"shape": shape, "seed": seed, "dtype": dtype}
    result = run_arrays(name, [], params, backend=backend, block_bytes=block_bytes, session=session)
    if name == "rand":
        expected = numpys(seed, shape, dtype)
    else:
        expected = normal_of_uniform(numpys(seed, shape, "f8").reshape(-1)).reshape(shape).astype(dtype)
    np.testing.assert_array_equal(result, np.asarray(expected), strict=True)


@pytest.mark.parametrize("name", ["rand", "randn"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pieces", [(2, 3, 7), (4, 5, 1), (1, 5, 7), (3, 2, 7)])
def test_any_piece_is_that_part_of_the_whole(name: str, dtype: str, pieces: tuple[int, ...]) -> None:
    """Also those that memory running out leaves, which are not neighbours in memory."""
    plan = plan_arrays(name, [], {"shape": (4, 5, 7), "seed": 3, "dtype": dtype})
    assert isinstance(plan.stage, MapStage)
    whole = plan.stage.kernel.apply(np, [], ((0, 4), (0, 5), (0, 7)))
    for region in Grid((4, 5, 7), pieces).regions():
        np.testing.assert_array_equal(plan.stage.kernel.apply(np, [], region), whole[as_slices(region)])


def test_single_precision_normals_are_the_double_ones_rounded() -> None:
    double, single = (
        run_arrays("randn", [], {"shape": 1000, "seed": 5, "dtype": dtype}) for dtype in ("float64", "float32")
    )
    np.testing.assert_array_equal(double.astype("f4"), single)


@pytest.mark.parametrize(("name", "law"), [("rand", stats.uniform()), ("randn", stats.norm())])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_distributed_as_they_should(name: str, law: Any, dtype: str) -> None:
    n = 200_000
    x = run_arrays(name, [], {"shape": n, "seed": 11, "dtype": dtype}).astype("f8")
    # the seed is fixed, and none of these has less than one chance in a thousand to fail with another
    assert abs(x.mean() - law.mean()) < 3.3 * law.std() / n**0.5
    kurtosis = float(law.stats(moments="k"))
    assert abs(x.var() / law.var() - 1) < 3.3 * ((kurtosis + 2) / n) ** 0.5
    assert stats.kstest(x, law.cdf).pvalue > 1e-3
    neighbours = np.corrcoef(x[:-1], x[1:])[0, 1]
    assert abs(neighbours) < 3.3 / n**0.5


def test_seeds_give_numbers_of_their_own() -> None:
    first, second = (run_arrays("randn", [], {"shape": 10_000, "seed": seed}) for seed in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 3.3 / 10_000**0.5


def test_normals_are_the_inverse_of_the_distribution_function() -> None:
    k = np.concatenate([np.arange(2000), 2 ** np.arange(11, 52), np.random.default_rng(1).integers(0, 2**52, 5000)])
    # below 1/2 the middle of an interval is a float64
    middle = k * 2.0**-53 + 2.0**-54
    got = normal_of_uniform(k * 2.0**-53)
    # 1 part in 10^16 by Wichura, and what about forty operations round; scipy's is within 4 units itself
    np.testing.assert_allclose(got, special.ndtri(middle), rtol=16 * 2.0**-53, atol=0)
    mirrored = normal_of_uniform((2**53 - 1 - k) * 2.0**-53)
    np.testing.assert_array_equal(mirrored, -got)
    assert got[0] == pytest.approx(-8.2923610758157)


@pytest.mark.parametrize(
    "params", [{"shape": 3}, {"shape": 3, "seed": -1}, {"shape": 3, "seed": 1, "dtype": "float16"}, {"seed": 1}]
)
def test_what_cannot_be_made_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        plan_arrays("rand", [], params)

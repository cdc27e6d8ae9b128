import numpy as np
import pytest

from arraymill.jobs.engine.plain_torch import time_from_files, time_resident

RNG = np.random.default_rng(0)
A, B = (RNG.standard_normal((40, 40), dtype=np.float32) for _ in range(2))
EXPECTED = {"product": A @ B, "reduction": A.sum(axis=0), "chain": np.sqrt(A * A + 1) - np.float32(0.5) * A}


@pytest.mark.parametrize("work", EXPECTED)
def test_results_are_numpys(tmp_path, work):
    paths = [str(tmp_path / name) for name in ("a.npy", "b.npy", "out.npy")]
    np.save(paths[0], A)
    np.save(paths[1], B)
    inputs = paths[:2] if work == "product" else paths[:1]
    assert time_from_files(work, inputs, paths[2], "cpu") > 0
    np.testing.assert_allclose(np.load(paths[2]), EXPECTED[work], rtol=1e-4, atol=1e-4)
    assert time_resident(work, inputs, "cpu") > 0

import numpy as np
import pytest

from arraymill.jobs.bench.works import make_inputs, works_of


@pytest.mark.parametrize("size", [1 << 20, 512_000_000, 5 << 30])
def test_arrays_of_a_work_take_about_the_size_that_was_asked_for(size):
    assert all(0.5 * size < work.nbytes <= 1.01 * size for work in works_of(size))


def test_inputs_are_made_once_and_hold_what_the_work_says(tmp_path):
    product = works_of(1 << 20)[1]
    paths = make_inputs(product, tmp_path)
    before = [path.stat().st_mtime_ns for path in paths]
    assert [np.load(path).shape for path in paths] == list(product.shapes)
    assert np.load(paths[0]).dtype == np.float32
    assert not np.array_equal(np.load(paths[0]), np.load(paths[1]))
    assert [path.stat().st_mtime_ns for path in make_inputs(product, tmp_path)] == before


def test_works_of_different_shapes_share_no_file():
    names = [name for work in works_of(1 << 20) for name in work.input_names]
    assert len(set(names)) == len(names)

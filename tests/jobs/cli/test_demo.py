import importlib

import numpy as np
import pytest

from arraymill.jobs.cli.demo_checks import Difference, check_column_means, check_product
from arraymill.jobs.cli.demo_inputs import DemoSizes, make_input

SMALL = DemoSizes(m=3000, k=64, n=8, memory="500MB")


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(importlib.import_module("arraymill.jobs.cli.demo"), "DemoSizes", lambda: SMALL)


def test_input_is_larger_than_the_memory():
    assert DemoSizes().a_bytes > 1e9
    assert DemoSizes().memory == "1GB"


def test_demo_runs_checks_and_says_where_things_are(call, small, tmp_path):
    result = call("demo", "--cluster", "inline")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("checked: all") == 2
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["a.npy", "b.npy", "c.npy", "means.npy"]
    assert "plan of matmul" in result.stderr
    again = call("demo", "--cluster", "inline")
    assert "there already, used again" in again.stderr


def test_wrong_result_leaves_with_8(call, small, monkeypatch):
    module = importlib.import_module("arraymill.jobs.cli.demo")
    monkeypatch.setattr(module, "check_product", lambda a, b, c: Difference(10, 1.0, 2.0))
    result = call("demo", "--cluster", "inline")
    assert result.exit_code == 8
    assert result.stderr.splitlines()[-4].startswith("error[verification]: matmul differs")


def test_broken_input_is_written_again(tmp_path):
    path = tmp_path / "a.npy"
    assert make_input(path, (10, 4), seed=1, mean=0.5) is True
    whole = path.read_bytes()
    assert make_input(path, (10, 4), seed=1, mean=0.5) is False
    path.write_bytes(whole[:-1])
    assert make_input(path, (10, 4), seed=1, mean=0.5) is True
    assert path.read_bytes() == whole


@pytest.fixture
def files(tmp_path):
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2500, 30), "f4"), generator.standard_normal((30, 5), "f4")
    for name, array in {"a": a, "b": b, "c": a @ b, "y": a.mean(axis=0, dtype="f8").astype("f4")}.items():
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


def test_right_results_are_within_their_bounds(files):
    product = check_product(files / "a.npy", files / "b.npy", files / "c.npy")
    means = check_column_means(files / "a.npy", files / "y.npy")
    assert (product.n_checked, means.n_checked) == (2500 * 5, 30)
    assert product.is_within_bound
    assert means.is_within_bound


@pytest.mark.parametrize("wrong", [1e-2, np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 1024, 2499])
def test_one_wrong_element_is_found(files, wrong, row):
    c = np.load(files / "c.npy")
    c[row, 3] += wrong
    np.save(files / "c.npy", c)
    assert not check_product(files / "a.npy", files / "b.npy", files / "c.npy").is_within_bound


def test_one_wrong_mean_is_found(files):
    y = np.load(files / "y.npy")
    y[7] += 1e-4
    np.save(files / "y.npy", y)
    assert not check_column_means(files / "a.npy", files / "y.npy").is_within_bound

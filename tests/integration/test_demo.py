"""The demo on a real cluster, at a size that tests can wait for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from integration.commands import Ended, Folder

SMALLER = """
import importlib
from arraymill.jobs.cli.demo_inputs import DemoSizes
from arraymill.jobs.cli.main import main

sizes = DemoSizes(m=30_000, k=2048, n=64, memory="230MB")
assert sizes.a_bytes > 230_000_000
# the command holds the module's name in the package
importlib.import_module("arraymill.jobs.cli.demo").DemoSizes = lambda: sizes
main()
"""
FILES = ["a.npy", "b.npy", "c.npy", "means.npy"]


def run_demo(folder: Folder, *, changes: list[str]) -> Ended:
    paths = [str(Path("demo") / name) for name in changes]
    return folder.run("demo", "--cluster", "local", through=(sys.executable, "-c", SMALLER), changes=paths)


def test_demo_is_right_and_uses_its_input_again(folder: Folder) -> None:
    first = run_demo(folder, changes=FILES)
    assert first.exit_code == 0, first
    assert first.out.count("checked: all") == 2
    assert "input: written" in first.err
    assert "demo/a.npy" in first.out
    products = folder.digests()
    again = run_demo(folder, changes=["c.npy", "means.npy"])
    assert again.exit_code == 0, again
    assert "there already, used again" in again.err
    assert {name: found for name, (found, _) in folder.digests().items()} == {n: d for n, (d, _) in products.items()}
    a, means = np.load(folder.path / "demo/a.npy"), np.load(folder.path / "demo/means.npy")
    expected = a.mean(axis=0, dtype=np.float64)
    # promised of sums of float32: 32 u sum |x|; and one rounding of the result
    bound = 2.0**-24 * (32 * np.abs(a).mean(axis=0, dtype=np.float64) + np.abs(expected))
    assert (np.abs(means - expected) <= bound).all()

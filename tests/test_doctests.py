"""Every example in a docstring is run, in an empty folder and with an environment of its own.

pytest's own --doctest-modules would import the files as ``jobs.x``, a second module beside ``arraymill.jobs.x``.
"""

from __future__ import annotations

import doctest
import io
import os
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import arraymill.cluster
import arraymill.jobs

MODULES = sorted(
    module.name
    for package in (arraymill.jobs, arraymill.cluster)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    module = import_module(name)
    report = io.StringIO()
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder().find(module):
        runner.run(example, out=report.write)
    assert runner.failures == 0, report.getvalue()


def test_examples_are_found_under_their_installed_names() -> None:
    blocks = import_module("arraymill.jobs.blocks")
    assert next(e.name for e in doctest.DocTestFinder().find(blocks) if e.examples) == "arraymill.jobs.blocks.Grid"

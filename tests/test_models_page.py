"""docs/models.md is true: its files are made, its commands and Python calls are run."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from arraymill.jobs.cli.main import arraymill

PAGE = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
SETUP, CALLS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\$ arraymill (.*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What the page defines, in a folder of its own."""
    made: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.chdir(tmp_path_factory.mktemp("page"))
        exec(SETUP, made)
        yield made


def test_commands_and_calls_give_what_torch_gives(names: dict[str, object]) -> None:
    for command in COMMANDS:
        done = CliRunner().invoke(arraymill, [*shlex.split(command), "-q"])
        assert done.exit_code == 0, done.output
    exec(CALLS, names)
    x, net = names["x"], names["net"]
    assert isinstance(x, np.ndarray)
    assert isinstance(net, torch.nn.Module)
    with torch.inference_mode():
        want = {name: value.numpy() for name, value in net(torch.from_numpy(x)).items()}
    for scores in (np.load("scores.npy"), np.load("logits.npy"), names["scores"], names["logits"]):
        np.testing.assert_allclose(scores, want["scores"], rtol=1e-5, atol=1e-6)
    for label in (np.load("scores.label.npy"), names["label"]):
        np.testing.assert_array_equal(label, want["label"])
    np.testing.assert_allclose(np.linalg.norm(np.load("unit.npy"), axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(np.load("squashed.npy"), 1 / (1 + np.exp(-x)), rtol=1e-6)
    np.testing.assert_array_equal(names["doubled"], 2 * x)

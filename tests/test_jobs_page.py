"""The job file of docs/jobs.md runs, is planned as the page says, and makes what NumPy makes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from source_tree import ROOT

from arraymill.jobs import run
from arraymill.jobs.cli.main import arraymill

PAGE = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
(JOB_FILE,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(arraymill, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_job_file_of_steps_makes_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = np.random.default_rng(0).random((50, 3))
    np.savetxt("measurements.csv", table, delimiter=",", header="a,b,c", comments="", fmt="%.17g")
    weights = np.arange(1.0, 7.0)
    np.save("weights.npy", weights)
    Path("job.yaml").write_text(JOB_FILE)

    plan = invoke("plan", "job.yaml")
    assert re.findall(r"weighted .* in [a-z.]*svd\.solved ", plan, re.MULTILINE), plan
    invoke("run", "job.yaml", "-q")

    weighted = (table - table.mean(axis=0)) / table.std(axis=0) * weights[:3]
    u, s, _ = np.linalg.svd(weighted, full_matrices=False)
    # 50 x 3: backward error 10 eps sqrt(n), and that of the columns of u by the gaps between the singular values
    gap = np.abs(np.subtract.outer(s, s) + np.eye(3) * s[0]).min()
    allowed = 2 * 10 * 2.0**-52 * np.sqrt(3) * np.linalg.norm(weighted) * s[0] / gap
    np.testing.assert_allclose(np.abs(np.load("scores.npy")), np.abs(u * s), rtol=0, atol=allowed)


def test_the_steps_of_python_run() -> None:
    assert 'run([("standardize", {}), ("svd", {})], x)' in PAGE
    x = np.random.default_rng(0).random((30, 4))
    made = run([("standardize", {}), ("svd", {})], x)
    assert made._fields == ("u", "s", "vh")
    np.testing.assert_allclose((made.u * made.s) @ made.vh, (x - x.mean(0)) / x.std(0), rtol=0, atol=1e-13)


def test_outputs_stand_beside_the_main_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).random((30, 4)))
    invoke("run", "svd", "x.npy", "-o", "u.npy", "-q")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["u.npy", "u.s.npy", "u.vh.npy", "x.npy"]

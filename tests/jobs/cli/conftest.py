import numpy as np
import pytest
from click.testing import CliRunner

from arraymill.jobs.cli.main import arraymill


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command line in a folder of its own, with x.npy in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("ARRAYMILL_CONFIG", "ARRAYMILL_DEVICE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    np.save("x.npy", np.arange(12, dtype=np.float32).reshape(4, 3))

    def invoke(*args, **kwargs):
        return CliRunner().invoke(arraymill, list(args), prog_name="arraymill", **kwargs)

    return invoke


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home for jobs with none in it."""
    path = tmp_path / "home"
    monkeypatch.setenv("ARRAYMILL_HOME", str(path))
    return path

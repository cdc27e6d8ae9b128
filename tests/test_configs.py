from importlib.resources import files

import pytest
from click.testing import CliRunner

from arraymill.jobs.cli.main import arraymill
from arraymill.jobs.cli.request import PROFILES, profile_document
from arraymill.jobs.spec.job_spec import Settings

SHIPPED = sorted(entry.name for entry in files("arraymill.configs").iterdir() if entry.name.endswith(".yaml"))
EXAMPLES = ["matmul.yaml", "statistics.yaml"]


def test_shipped_files_are_profiles_and_examples():
    assert sorted([*(f"{name}.yaml" for name in PROFILES), *EXAMPLES]) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_file_is_valid(name):
    path = str(files("arraymill.configs") / name)
    result = CliRunner().invoke(arraymill, ["validate", path])
    assert result.exit_code == 0, result.output
    assert ("a valid job" if name in EXAMPLES else "a valid profile") in result.stdout


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_file_explains_itself(name):
    text = (files("arraymill.configs") / name).read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "arraymill run" in text
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("name", PROFILES)
def test_profile_is_found_by_name(name):
    assert Settings.model_validate(profile_document(name).tree).version == 1

from __future__ import annotations

from pathlib import Path

import pytest

from arraymill.cluster import errors
from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterError
from arraymill.cluster.warm.messages import pack_answer, pack_settings, unpack_answer, unpack_settings
from arraymill.cluster.warm.versions import check_versions, current_versions

# A death is no failure of a start.
KINDS = [name for name in errors.__all__ if name != "WorkerDiedError"]


@pytest.mark.parametrize(
    "config",
    [
        ClusterConfig(),
        ClusterConfig("local", workers=3, precision="strict", threads=2, dashboard=True),
        ClusterConfig("cuda", gpus=2),
        ClusterConfig("cuda", gpus=("0", "GPU-1"), scratch=Path("/scratch"), logs=Path("/logs")),
    ],
)
def test_settings_arrive_as_they_were(config: ClusterConfig) -> None:
    assert unpack_settings(pack_settings(config)) == config


def test_folders_are_those_of_the_sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = unpack_settings(pack_settings(ClusterConfig("local", scratch=Path("a"), logs=Path("b"))))
    assert (found.scratch, found.logs) == (tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("name", KINDS)
def test_errors_arrive_as_they_were(name: str) -> None:
    error: ClusterError = getattr(errors, name)("what", cause="a\nb", safe="c", next='"d"')
    found = unpack_answer(pack_answer(error))
    assert type(found) is type(error)
    assert str(found) == str(error)


def test_no_error_arrives_as_none() -> None:
    assert unpack_answer(pack_answer(None)) is None


def test_equal_versions_agree() -> None:
    check_versions(current_versions())


@pytest.mark.parametrize("name", sorted(current_versions()))
def test_each_version_counts(name: str) -> None:
    with pytest.raises(ClusterError, match=f"it has {name} 0, this process"):
        check_versions(current_versions() | {name: "0"})


def test_a_version_that_is_not_told_is_another() -> None:
    with pytest.raises(ClusterError, match="it has python unknown"):
        check_versions({})

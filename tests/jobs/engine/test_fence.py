"""Facts of the fence: only the present epoch passes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from arraymill.jobs.engine import Fence, StaleEpochError


@pytest.mark.parametrize("text", ["3", "3\n", " 3 \n"])
def test_the_present_epoch_passes(text: str, tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text(text)
    Fence(str(tmp_path / "epoch"), 3).check()


@pytest.mark.parametrize("text", ["4\n", "2\n", "", "33\n", "junk"])
def test_any_other_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "epoch").write_text(text)
    with pytest.raises(StaleEpochError, match="another run of this job has begun") as caught:
        Fence(str(tmp_path / "epoch"), 3).check()
    assert caught.value.exit_code == 75
    assert type(pickle.loads(pickle.dumps(caught.value))) is StaleEpochError


def test_a_job_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StaleEpochError, match="No such file"):
        Fence(str(tmp_path / "epoch"), 3).check()

"""What a job is called in every folder, and how it is known again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arraymill.jobs.api.stored import creation
from arraymill.jobs.api.stored.creation import absolute_spec, create_job
from arraymill.jobs.api.stored.resumption import spec_digest
from arraymill.jobs.errors import StoreFullError
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.store import list_jobs


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x.npy", "{here}/x.npy"),
        ("x.h5::/run//images", "{here}/x.h5::/run//images"),
        ("runs/*.npy", "{here}/runs/*.npy"),
        ("s3://bucket//x.zarr::a", "s3://bucket//x.zarr::a"),
        (["a.npy", "/data/b.npy", "*.h5::x"], ("{here}/a.npy", "/data/b.npy", "{here}/*.h5::x")),
    ],
)
def test_paths_mean_the_same_in_every_folder(
    path: str | list[str], expected: str | tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = {"path": path, "select": "0:3", "join": "stack"}
    spec = absolute_spec(JobSpec.model_validate({"op": "sum", "inputs": {"x": entry}}))
    known = [each.format(here=tmp_path) for each in ([expected] if isinstance(expected, str) else expected)]
    found = spec.inputs["x"]
    assert ([found.path] if isinstance(found.path, str) else [*found.path]) == known
    assert (found.select, found.join) == ("0:3", "stack")
    assert absolute_spec(spec) == spec


def test_what_is_not_stated_of_inputs_is_not_in_the_digest() -> None:
    spec = JobSpec.model_validate({"op": "sum", "inputs": ["/data/x.npy"]})
    document = json.loads(absolute_spec(spec).model_dump_json())
    assert document["inputs"] == {"0": {"path": "/data/x.npy"}}
    changed = JobSpec.model_validate({"op": "sum", "inputs": [{"path": "/data/x.npy", "select": "::2"}]})
    assert spec_digest(spec) != spec_digest(changed)


@pytest.mark.usefixtures("home")
def test_a_job_for_which_there_is_no_room_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise StoreFullError("no room", next="resume the job")

    monkeypatch.setattr(creation, "write_state", refuse)
    with pytest.raises(StoreFullError, match="no room") as refused:
        create_job(JobSpec(op="sum", inputs=["/data/x.npy"]))
    assert "start it again" in refused.value.next
    assert list_jobs() == []

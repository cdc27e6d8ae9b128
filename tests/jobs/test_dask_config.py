from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.config
import numpy as np
import pytest
from dask_layer import DaskLayer, dask_layer

from arraymill.jobs import plan, run, submit
from arraymill.jobs.dask_config import dask_document, put_beneath
from arraymill.jobs.errors import SpecError
from arraymill.jobs.spec.document import Document
from arraymill.jobs.spec.load import load_spec_file
from arraymill.jobs.store import find_job, read_state


@pytest.fixture
def layer(tmp_path: Path) -> Iterator[DaskLayer]:
    with dask_layer(tmp_path / "dask") as made:
        yield made


def found() -> tuple[dict[str, Any], dict[Any, str]]:
    document = dask_document()
    assert document is not None
    return document.tree, document.places


def test_nothing_is_nothing(layer: DaskLayer) -> None:
    layer.write("distributed: {worker: {memory: {target: 0.5}}}\narray: {chunk-size: 1MiB}\n", "distributed.yaml")
    assert dask_document() is None
    document = Document({"op": "sum"}, "job.yaml")
    assert put_beneath(document) is document


@pytest.mark.parametrize("text", ["arraymill:\n", "arraymill: {}\n", "arraymill:\n  compute:\n  memory:\n"])
def test_sections_whose_lines_are_comments_say_nothing(layer: DaskLayer, text: str) -> None:
    layer.write(text)
    document = dask_document()
    assert document is None or document.tree == {}


def test_files_variables_and_programs_in_the_order_of_dask(layer: DaskLayer) -> None:
    first = layer.write("arraymill: {fault: {retries: 1, max-worker-deaths: 2}, memory: {host: 1GB}}\n", "a.yaml")
    second = layer.write("x: 1\narraymill:\n  fault:\n    retries: 4\n", "b.yaml")
    layer.variable("DASK_ARRAYMILL__MEMORY__HOST", "2GB")
    layer.variable("DASK_ARRAYMILL__COMPUTE", '{"precision": "fast"}')
    with dask.config.set({"arraymill.memory.device": "50%", "arraymill.fault.max_worker_deaths": 3}):
        tree, places = found()
    assert tree == {
        "fault": {"retries": 4, "max_worker_deaths": 3},
        "memory": {"host": "2GB", "device": "50%"},
        "compute": {"precision": "fast"},
    }
    assert places == {
        ("fault", "retries"): f"dask config: {second}, line 4",
        ("fault", "max_worker_deaths"): "dask.config",
        ("memory", "host"): "DASK_ARRAYMILL__MEMORY__HOST",
        ("memory", "device"): "dask.config",
        ("compute", "precision"): "DASK_ARRAYMILL__COMPUTE",
    }
    tree, places = found()
    assert tree["fault"]["max_worker_deaths"] == 2
    assert places["fault", "max_worker_deaths"] == f"dask config: {first}, line 1"


def test_everything_wrong_is_named_with_its_place(layer: DaskLayer) -> None:
    file = layer.write("arraymill:\n  compute:\n    precison: fast\n  memory: {host: lots}\n  op: sum\n")
    layer.variable("DASK_ARRAYMILL__FAULT__RETRIES", "many")
    with pytest.raises(SpecError) as caught:
        dask_document()
    assert caught.value.exit_code == 2
    assert "4 problems" in caught.value.what
    cause = caught.value.cause
    assert f"dask config: {file}, line 3: compute.precison is no field; did you mean precision?" in cause
    assert f"dask config: {file}, line 4: memory.host" in cause
    assert f"dask config: {file}, line 5: op is no field" in cause
    assert "DASK_ARRAYMILL__FAULT__RETRIES: fault.retries is 'many', not an integer" in cause


@pytest.mark.parametrize("value", [3, "fast", ["compute"]])
def test_a_section_is_a_mapping(layer: DaskLayer, value: Any) -> None:
    with dask.config.set(arraymill=value), pytest.raises(SpecError, match="not a mapping"):
        dask_document()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("DASK_ARRAYMILL_COMPUTE_PRECISION", "DASK_ARRAYMILL__COMPUTE__PRECISION"),
        ("DASK_ARRAYMILL_FAULT__TIMEOUT_S", "DASK_ARRAYMILL__FAULT__TIMEOUT_S"),
        ("DASK_ARRAYMILL__FAULT_MAX_WORKER_DEATHS", "DASK_ARRAYMILL__FAULT__MAX_WORKER_DEATHS"),
        ("DASK_ARRAYMILL_X", "DASK_ARRAYMILL__X"),
    ],
)
def test_a_variable_with_too_few_underscores_is_corrected(layer: DaskLayer, wrong: str, right: str) -> None:
    layer.variable(wrong, "fast")
    with pytest.raises(SpecError, match=f"{wrong} names no setting") as caught:
        dask_document()
    assert caught.value.next == f"call it {right}"


def test_a_document_wins_over_what_is_beneath_it(layer: DaskLayer) -> None:
    layer.write("arraymill: {compute: {precision: fast, block: 1MB}, fault: {retries: 0}}\n")
    over = Document({"op": "sum", "compute": {"precision": "strict"}}, "job.yaml", {("compute", "precision"): "line 2"})
    merged = put_beneath(over)
    assert merged.origin == "job.yaml"
    assert merged.tree == {
        "op": "sum",
        "compute": {"precision": "strict", "block": "1MB"},
        "fault": {"retries": 0},
    }
    assert merged.place(("compute", "precision")) == "line 2"
    assert merged.place(("fault", "retries")).endswith("arraymill.yaml, line 1")


@pytest.mark.parametrize(
    ("beneath", "over", "expected"),
    [
        ({"cluster": {"kind": "cuda"}}, {"compute": {"device": "cpu"}}, {"compute": {"device": "cpu"}}),
        ({"compute": {"device": "cpu"}}, {"cluster": {"kind": "cuda"}}, {"cluster": {"kind": "cuda"}}),
        ({"cluster": {"gpus": 2}}, {"cluster": {"kind": "local"}}, {"cluster": {"kind": "local"}}),
        ({"cluster": {"kind": "local"}}, {"cluster": {"gpus": 2}}, {"cluster": {"gpus": 2}}),
        ({"cluster": {"gpus": 2}}, {"compute": {"device": "cuda"}}, {"c": 2}),
        ({"cluster": {"kind": "local"}}, {"compute": {"device": "auto"}}, {"c": "local"}),
    ],
)
def test_what_contradicts_the_document_is_left_out(
    layer: DaskLayer, beneath: dict[str, Any], over: dict[str, Any], expected: dict[str, Any]
) -> None:
    with dask.config.set(arraymill=beneath):
        tree = put_beneath(Document(over, "job.yaml")).tree
    kept = {**beneath, **over} if "c" in expected else expected
    assert {name: fields for name, fields in tree.items() if fields} == kept


def test_a_contradiction_within_the_settings_is_said(layer: DaskLayer) -> None:
    layer.write("arraymill: {compute: {device: cpu}, cluster: {kind: cuda}}\n")
    with pytest.raises(SpecError, match=r"compute\.device is cpu and cluster\.kind is cuda"):
        run("sum", np.ones(3))


def test_arguments_of_python_win_and_a_context_ends(layer: DaskLayer) -> None:
    x = np.ones((4, 3), np.float32)
    layer.write("arraymill: {compute: {precision: fast}}\n")
    assert plan("sum", x).limits.precision == "fast"
    with dask.config.set({"arraymill.compute.precision": "strict"}):
        assert plan("sum", x).limits.precision == "strict"
        assert plan("sum", x, precision="standard").limits.precision == "standard"
    assert plan("sum", x).limits.precision == "fast"
    with dask.config.set({"arraymill.memory.host": "lots"}), pytest.raises(SpecError, match="section arraymill"):
        run("sum", x)


def test_a_submitted_job_keeps_the_settings_of_its_moment(
    layer: DaskLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))
    np.save(tmp_path / "x.npy", np.ones((4, 3)))
    with dask.config.set({"arraymill.compute.precision": "strict", "arraymill.fault.retries": 1}):
        job = submit("sum", str(tmp_path / "x.npy"), cluster="inline", name="of-its-moment")
    # what its own process would find now is no longer asked
    layer.write("arraymill: {fault: {retries: many}}\n")
    assert job.wait(60) == "DONE"
    assert job.result() == 12
    assert read_state(find_job(job.id)).name == "of-its-moment"
    stored = load_spec_file(tmp_path / "home" / "jobs" / job.id / "spec.yaml")
    assert (stored.compute.precision, stored.fault.retries, stored.name) == ("strict", 1, "of-its-moment")


# A process that has not imported Dask yet: what it imports, and what it finds.
_PROBE = """
import json, sys
from arraymill.jobs.dask_config import dask_document
from arraymill.jobs.errors import SpecError
try:
    document = dask_document()
    said = document and [document.tree, sorted(document.places.values())]
except SpecError as error:
    said = f"{error.exit_code} {error}"
print(json.dumps([said, "dask" in sys.modules]))
"""


def in_a_new_process(folder: Path, *, probe: str = _PROBE, **variables: str) -> Any:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DASK_")}
    env |= {"HOME": str(folder.parent), "DASK_CONFIG": str(folder), "DASK_ROOT_CONFIG": str(folder / "none")}
    command = [sys.executable, "-c", probe]
    ran = subprocess.run(command, env=env | variables, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(ran.stdout)


def test_dask_is_imported_where_there_is_something_to_find(tmp_path: Path) -> None:
    folder = tmp_path / "dask"
    folder.mkdir()
    (folder / "distributed.yaml").write_text("distributed: {worker: {memory: {target: 0.5}}}\n")
    (folder / "broken.yaml").write_text("x: [\n")
    assert in_a_new_process(folder) == [None, False]
    (folder / "broken.yaml").unlink()
    file = tmp_path / ".config" / "dask" / "any.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("arraymill:\n  fault: {retries: 1}\n")
    expected = [{"fault": {"retries": 1}}, [f"dask config: {file}, line 2"]]
    assert in_a_new_process(folder) == [expected, True]


def test_a_variable_is_something_to_find(tmp_path: Path) -> None:
    variable = {"DASK_ARRAYMILL__FAULT__RETRIES": "2"}
    assert in_a_new_process(tmp_path, **variable) == [[{"fault": {"retries": 2}}, list(variable)], True]


def test_settings_that_a_process_of_dask_handed_down_are_found(tmp_path: Path) -> None:
    inherited = base64.urlsafe_b64encode(json.dumps({"arraymill": {"fault": {"retries": 2}}}).encode()).decode()
    said, _ = in_a_new_process(tmp_path, DASK_INTERNAL_INHERIT_CONFIG=inherited)
    assert said == [{"fault": {"retries": 2}}, ["dask.config"]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("arraymill:\n  compute: {precision: fast\n", "line 3: not YAML: expected ',' or '}'"),
        ("arraymill: \x01\n", "not YAML: unacceptable character #x0001"),
        ("[arraymill]\n", "it holds no mapping"),
        ("compute: {precision: fast}\n", "has no section arraymill"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "arraymill.yaml").write_text(text)
    said, _ = in_a_new_process(tmp_path)
    assert said.startswith("2 ")
    assert reason in said
    assert str(tmp_path / "arraymill.yaml") in said


_REPAIRED = """
import json, os, signal, sys
from pathlib import Path
from arraymill.jobs.dask_config import dask_document
from arraymill.jobs.errors import SpecError

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "dask.base":
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

file, tried = Path(os.environ["DASK_CONFIG"]) / "arraymill.yaml", []
sys.meta_path.insert(0, Interrupt())
for _ in range(3):
    try:
        tried.append(dask_document().tree)
    except SpecError:
        tried.append("wrong")
        file.write_text("arraymill: {fault: {retries: 1}}")
    except KeyboardInterrupt:
        tried.append("interrupted")
print(json.dumps(tried))
"""


def test_a_notebook_goes_on_after_a_wrong_file_and_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "arraymill.yaml").write_text("arraymill: [")
    assert in_a_new_process(tmp_path, probe=_REPAIRED) == ["wrong", "interrupted", {"fault": {"retries": 1}}]

import pytest
from pydantic import ValidationError

from arraymill.jobs.errors import SpecError
from arraymill.jobs.spec.input import InputSpec
from arraymill.jobs.spec.job_spec import JobSpec
from arraymill.jobs.spec.load import apply_overrides, load_spec
from arraymill.jobs.spec.write import format_yaml

FULL = {
    "path": ("a.bin", "b.bin"),
    "select": "0:1000, ::2, -1, ...",
    "join": "stack",
    "axis": -1,
    "dtype": "<f4",
    "shape": (10, 20),
    "offset": 512,
    "order": "F",
}
TABLE = {"path": "x.csv", "columns": ("a", 3), "delimiter": "\t", "header": False, "comments": "#"}


@pytest.mark.parametrize("fields", [FULL, TABLE, {"path": "x.npy"}])
def test_what_was_stated_is_written_and_read_again(fields):
    job = JobSpec.model_validate({"op": "sum", "inputs": {"x": fields}})
    document = job.model_dump(mode="json", exclude_none=True)
    # nothing that was not stated: so that the digests of jobs stay as they were
    assert {*document["inputs"]["x"]} == {*fields}
    assert load_spec(format_yaml(document), "job.yaml").inputs["x"] == InputSpec(**fields) == job.inputs["x"]


@pytest.mark.parametrize("select", ["1", "-1,", " 1 : 3 , ::-2 ", "..., +2", "0, ..., 0", "9:, :-9", ":", "::"])
def test_selections_have_the_form_of_slices(select):
    assert InputSpec(path="x", select=select).select == select


@pytest.mark.parametrize("select", ["", ",", "1,,2", "1 0", "1_0", "1:2:3:4", "....", "0, \u0661", "x", "1.0", "None"])
def test_other_selections_are_refused_before_a_file_is_opened(select):
    with pytest.raises(ValidationError, match="selects nothing"):
        InputSpec(path="x", select=select)


@pytest.mark.parametrize("inputs", [[["a.npy", "b.npy"]], {"0": ["a.npy", "b.npy"]}, [{"path": ["a.npy", "b.npy"]}]])
def test_a_list_of_paths_is_one_input(inputs):
    assert JobSpec(op="sum", inputs=inputs).inputs["0"].path == ("a.npy", "b.npy")


def test_home_is_expanded_and_names_of_arrays_are_left(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert InputSpec(path="~/x.h5::/a//b/").path == "/home/ada/x.h5::/a//b/"
    assert InputSpec(path=["~/x.npy", "s3://b//y.npy"]).path == ("/home/ada/x.npy", "s3://b//y.npy")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("{path: []}", "inputs.x.path: names no file: write at least one"),
        ("{path: [a.npy, '']}", "a path has at least one character"),
        ("{path: 3}", "inputs.x.path is 3, not text (put it in quotes) or a list"),
        ("{path: x, select: 'a:b'}", "inputs.x.select: 'a:b' selects nothing"),
        ("{path: x, select: 3}", "inputs.x.select is 3, not text (put it in quotes)"),
        ("{path: x, join: stck}", "inputs.x.join is 'stck', not concatenate | stack; did you mean stack?"),
        ("{path: x, dtype: float3}", "inputs.x.dtype: 'float3' is no dtype"),
        ("{path: x, dtype: 'f4,i4'}", "inputs.x.dtype: 'f4,i4' is not worked on"),
        ("{path: x, dtype: O}", "is not worked on"),
        ("{path: x, dtype: longdouble}", "is not worked on"),
        ("{path: x, dtype: f4, shape: [2, -1]}", "inputs.x.shape.1 is -1"),
        ("{path: x, dtype: f4, shape: 3}", "inputs.x.shape is 3, not a list"),
        ("{path: x, dtype: f4, offset: -1}", "inputs.x.offset is -1"),
        ("{path: x, dtype: f4, order: A}", "inputs.x.order is 'A', not C | F"),
        ("{path: x, offset: 3}", "offset is said of raw binary, which has a dtype as well"),
        ("{path: x, dtype: f4, offset: 3, header: true}", "offset is said of raw binary and header of tables"),
        ("{path: x, delimiter: ab}", "inputs.x.delimiter: 'ab' is not one character"),
        ("{path: x, header: maybe}", "inputs.x.header is 'maybe', not"),
        ("{path: x, columns: []}", "inputs.x.columns is"),
        ("{path: x, colums: [a]}", "inputs.x.colums is no field; did you mean columns?"),
        ("{select: '1'}", "inputs.x.path is missing"),
    ],
)
def test_wrong_entries_are_explained(fields, said):
    with pytest.raises(SpecError) as caught:
        load_spec(f"op: sum\ninputs:\n  x: {fields}\n", "job.yaml")
    assert "line 3: " in caught.value.cause
    assert said in caught.value.cause


def test_an_entry_is_frozen():
    with pytest.raises(ValidationError):
        InputSpec(path="x").path = "y"


@pytest.mark.parametrize("inputs", [["x.bin"], {"0": "x.bin"}, [{"path": "x.bin"}]])
def test_fields_are_set_from_the_command_line(inputs):
    job = apply_overrides(JobSpec(op="sum", inputs=inputs), ["inputs.0.dtype=f4", "inputs.0.select=0:30, ::2"])
    assert job.inputs["0"] == InputSpec(path="x.bin", dtype="f4", select="0:30, ::2")


def test_the_schema_describes_every_field():
    fields = JobSpec.model_json_schema()["$defs"]["InputSpec"]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []
    assert {*fields} == {*InputSpec.model_fields}

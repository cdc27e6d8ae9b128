from arraymill.jobs.spec.document import Document, merge, spec_error


def test_later_values_win_and_bring_their_places():
    under = Document({"compute": {"device": "cpu"}, "op": "sum"}, "job.yaml", {("compute", "device"): "line 2"})
    over = Document({"compute": {"device": "cuda"}}, "", {("compute", "device"): "--device"})
    merged = merge(under, over)
    assert merged.tree == {"compute": {"device": "cuda"}, "op": "sum"}
    assert merged.place(("compute", "device")) == "--device"
    assert merged.origin == "job.yaml"


def test_places_inside_a_replaced_value_are_forgotten():
    under = Document({"inputs": ["x"]}, "job.yaml", {("inputs",): "line 1", ("inputs", 0): "line 2"})
    merged = merge(under, Document({"inputs": ["y"]}, "", {("inputs",): "--set"}))
    assert merged.place(("inputs", 0)) == "--set"


def test_a_field_beside_a_short_form_keeps_the_path():
    merged = merge(Document({"output": "y.npy"}, ""), Document({"output": {"if_exists": "replace"}}, ""))
    assert merged.tree == {"output": {"path": "y.npy", "if_exists": "replace"}}


def test_inputs_of_merge_stay_as_they_were():
    under = Document({"memory": {"host": 1}}, "")
    merge(under, Document({"memory": {"host": 2}}, ""))
    assert under.tree == {"memory": {"host": 1}}


def test_problems_are_counted():
    assert spec_error("job.yaml", ["a"]).what == "job.yaml: 1 problem"
    assert spec_error("job.yaml", ["a", "b"]).what == "job.yaml: 2 problems"

import json

from arraymill.jobs.operations import GROUPS, OPERATIONS


def test_list_has_every_operation(call):
    result = call("ops")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == list(OPERATIONS)
    assert [line.strip() for line in lines if line.startswith("   ")] == [each.example for each in OPERATIONS.values()]
    assert [line for line in lines if line and line[0] != " "] == list(GROUPS)


def test_one_is_described_with_its_parameters(call):
    text = call("ops", "var").stdout
    assert "--ddof" in text
    assert OPERATIONS["var"].example in text


def test_what_takes_no_input_says_so(call):
    assert "Inputs:   none" in call("ops", "rand").stdout


def test_unknown_one_gets_a_suggestion(call):
    result = call("ops", "vr")
    assert result.exit_code == 2
    assert "did you mean var?" in result.stderr


def test_json(call):
    document = json.loads(call("ops", "--json").stdout)
    assert document["schema"] == 1
    assert [operation["name"] for operation in document["operations"]] == list(OPERATIONS)

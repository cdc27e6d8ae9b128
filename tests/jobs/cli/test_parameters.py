from typing import Annotated, Literal

import click
import pytest
from pydantic import BeforeValidator, Field

from arraymill.jobs.cli.parameters import given_parameters, parameter_options
from arraymill.jobs.operations import OPERATIONS, Operation, Params


class Everything(Params):
    axis: Annotated[int | tuple[int, ...] | None, BeforeValidator(lambda value: value)] = Field(
        None, description="axes"
    )
    keepdims: bool = Field(False, description="keep them")
    ord: Literal["fro", "nuc"] = "fro"
    names: tuple[str, ...] = ()
    scale: float
    n_bins: int = 10


EVERYTHING = Operation("everything", "All kinds", "arraymill run everything", ("x",), Everything, None, None)


def parse(*args):
    seen = {}
    command = click.Command(
        "everything", params=parameter_options(EVERYTHING), callback=lambda **values: seen.update(values)
    )
    command.main(["--scale", "1.5", *args], standalone_mode=False)
    return given_parameters(seen)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], {}),
        (["--axis", "0"], {"axis": "0"}),
        (["--axis", "-1"], {"axis": "-1"}),
        (["--keepdims"], {"keepdims": True}),
        (["--no-keepdims"], {"keepdims": False}),
        (["--ord", "nuc"], {"ord": "nuc"}),
        (["--names", "a, b"], {"names": ["a", "b"]}),
        (["--n-bins", "5"], {"n_bins": "5"}),
    ],
)
def test_only_what_was_said_is_given(args, expected):
    assert parse(*args) == {"scale": "1.5"} | expected


def test_required_parameter_is_required():
    command = click.Command("everything", params=parameter_options(EVERYTHING))
    with pytest.raises(click.MissingParameter):
        command.main([], standalone_mode=False)


def test_help_has_types_and_defaults():
    context = click.Context(click.Command("everything"))
    records = dict(option.get_help_record(context) for option in parameter_options(EVERYTHING))
    assert records["--axis INT|INT,INT,..."] == "Axes."
    assert records["--keepdims / --no-keepdims"] == "Keep them. [default: false]"
    assert records["--n-bins INT"] == "[default: 10]"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_every_parameter_of_every_operation_is_described(operation):
    assert all(field.description for field in operation.params.model_fields.values())
    assert len(parameter_options(operation)) == len(operation.params.model_fields)


@pytest.mark.parametrize(
    ("operation", "flag", "metavar"),
    [
        ("sum", "--axis", "INT|INT,INT,..."),
        ("percentile", "--q", "NUMBER|NUMBER,NUMBER,..."),
        ("histogram", "--range", "NUMBER,NUMBER,..."),
        ("tensordot", "--axes", "INT|INT,INT,..."),
        ("map", "--names", "TEXT,TEXT,..."),
    ],
)
def test_what_is_to_be_written_is_named(operation: str, flag: str, metavar: str) -> None:
    options = {option.opts[0]: option.metavar for option in parameter_options(OPERATIONS[operation])}
    assert options[flag] == metavar

"""docs/verify.md names every operation once, and its job file is one."""

from __future__ import annotations

import re

from source_tree import ROOT

from arraymill.jobs.operations import OPERATIONS
from arraymill.jobs.spec.load import load_spec

PAGE = (ROOT / "docs" / "verify.md").read_text()


def test_every_operation_stands_in_the_table_once() -> None:
    table = PAGE.partition("## What is checked")[2]
    cells = re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(OPERATIONS)


def test_the_job_file_is_one() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    spec = load_spec(text, "the page")
    assert spec.verify is not None
    assert spec.verify.sample == 8


def test_its_commands_name_operations_and_options_that_are_there() -> None:
    from arraymill.jobs.cli.verify import verify

    for line in re.findall(r"^\$ arraymill verify (.*?)(?:  +#.*)?$", PAGE, re.MULTILINE):
        name, *words = line.split()
        command = verify.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        known = {flag for param in command.params for flag in param.opts}
        assert {word for word in words if word.startswith("--")} <= known

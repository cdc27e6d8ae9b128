"""Facts of the table of operations: it is whole, and each is called what it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from arraymill.jobs.operations import OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_the_one_of_its_name(name: str) -> None:
    assert OPERATIONS[name].name == name


def test_it_is_a_mapping() -> None:
    assert len(OPERATIONS) == len(list(OPERATIONS)) == len(dict(OPERATIONS))
    assert "sum" in OPERATIONS
    assert OPERATIONS.get("total") is None
    with pytest.raises(KeyError):
        OPERATIONS["total"]


def test_no_operation_brings_those_of_other_families() -> None:
    code = (
        "import sys; from arraymill.jobs.operations import OPERATIONS; OPERATIONS['sum']; "
        "families = {f'arraymill.jobs.operations.{name}' for name in ('matmul', 'map', 'moments', 'norm')}; "
        "assert not families & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

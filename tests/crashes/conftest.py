"""The processes that the tests of this folder fork drivers from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crashes.pool import Cases, open_cases


@pytest.fixture(scope="package")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cases]:
    """Run cases in processes of their own."""
    with open_cases(tmp_path_factory.mktemp("crashes")) as opened:
        yield opened

"""arraymill through its Python API: in this process, or on a local cluster that is kept warm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from arraymill.cluster.session import open_cluster
from arraymill.jobs import run

__all__ = ["opened"]


@contextmanager
def opened(*, cluster: str) -> Iterator[Callable[..., None]]:
    """Yield ``compute(operation, params, inputs, output)``; a cluster other than inline is started first."""

    def compute(operation: str, params: dict[str, Any], inputs: list[str], output: str) -> None:
        run(operation, *inputs, output=output, replace=True, cluster=session, **params)

    if cluster == "inline":
        # threads of this process are started by each job, and their start is part of its time
        session: Any = "inline"
        yield compute
    else:
        with open_cluster("local") as session:
            yield compute

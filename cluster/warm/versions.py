"""What the two sides of a warm cluster must agree on: tasks travel as pickles of functions of both."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata

from ..errors import ClusterError

__all__ = ["check_versions", "current_versions"]

_PACKAGES = ("arraymill", "distributed", "cloudpickle")


@cache
def _version(package: str) -> str:
    return metadata.version(package)


def current_versions() -> dict[str, str]:
    """Return the versions of this process.

    >>> sorted(current_versions())
    ['arraymill', 'cloudpickle', 'distributed', 'python']
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, **{package: _version(package) for package in _PACKAGES}}


def check_versions(theirs: Mapping[str, str]) -> None:
    """Raise if a warm cluster and this process cannot understand each other.

    Raises
    ------
    ClusterError
        If a version differs.
    """
    ours = current_versions()
    differing = [
        f"it has {name} {theirs.get(name, 'unknown')}, this process {version}"
        for name, version in ours.items()
        if theirs.get(name) != version
    ]
    if differing:
        raise ClusterError(
            "the warm cluster is of another version",
            cause="; ".join(differing),
            safe="it was left as it is",
            next="run `arraymill cluster stop`, then `arraymill cluster start`",
        )

"""Dask's settings as one test has them: its own folder of files, its own variables, and nothing of this machine's."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class DaskLayer:
    """What `dask.config` reads.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    patch : pytest.MonkeyPatch
    """

    folder: Path
    patch: pytest.MonkeyPatch

    def write(self, text: str, name: str = "arraymill.yaml") -> Path:
        """Write a file, and let this process's Dask read it."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        self.refresh()
        return path

    def variable(self, name: str, value: str) -> None:
        """Set a variable, and let this process's Dask read it."""
        self.patch.setenv(name, value)
        self.refresh()

    def refresh(self) -> None:
        """Let this process's Dask read its files and variables again."""
        import dask.config

        dask.config.refresh(paths=[str(self.folder)])


@contextmanager
def dask_layer(folder: Path) -> Iterator[DaskLayer]:
    """Give this process and its children settings of Dask's that hold nothing of ours, until the end."""
    import dask.config

    folder.mkdir()
    before = copy.deepcopy(dask.config.config)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DASK_")]:
            patch.delenv(name)
        patch.setenv("DASK_CONFIG", str(folder))
        patch.setattr(dask.config, "paths", [str(folder)])
        layer = DaskLayer(folder, patch)
        layer.refresh()
        try:
            yield layer
        finally:
            dask.config.config.clear()
            dask.config.config.update(before)

"""A packed output taken over from a run that was stopped: packed again, or known by the stamp of what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import disk
from ...headers import ArrayHeader
from ..npy.adoption import adopt_unpublished
from ..output_checks import partial_path
from ..output_options import OutputOptions
from ..partial import Partial
from ..source import Source
from .output import PackedOutput, checked_place, finish_publication, package_of
from .package import Package
from .packing import Packer

__all__ = ["adopt_packed", "was_packed_published"]


def adopt_packed(
    packer: Packer,
    header: ArrayHeader,
    options: OutputOptions,
    *,
    replace: bool,
    info: Mapping[str, Any] | None,
    inputs: Sequence[Source],
) -> PackedOutput:
    """Return the output that an earlier run left unpublished; see `arraymill.jobs.arrays.adopt_output`."""
    packer.check(header, options)
    package = package_of(packer, header)
    is_own = _is_published(package, info)

    def check(partial: Partial) -> None:
        package.recover()
        if not is_own:
            checked_place(packer, header, replace=replace, inputs=inputs)()

    npy = adopt_unpublished(header, check, info=info, replace=replace)
    return PackedOutput(npy, packer, options, package, replace=replace or is_own)


def was_packed_published(packer: Packer, header: ArrayHeader, *, info: Mapping[str, Any]) -> bool:
    """Return whether a packed output has its final name; see `arraymill.jobs.arrays.was_published`."""
    package = package_of(packer, header)
    if not _is_published(package, info):
        return False
    final = Path(header.name).absolute()
    try:
        left = partial_path(final).lstat().st_ino
    except FileNotFoundError:
        left = None
    if left == info["inode"]:
        npy = adopt_unpublished(header, lambda partial: None, info=info, replace=False)
        try:
            finish_publication(package, npy, final)
        finally:
            npy.keep()
    else:
        disk.fsync_folder(final.parent)
    return True


def _is_published(package: Package, info: Mapping[str, Any] | None) -> bool:
    packed = (info or {}).get("packed")
    return packed is not None and package.published_stamp() == packed

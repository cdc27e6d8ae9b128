"""How an array is stored, as far as the format of its file leaves that open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..blocks import Shape
from ..errors import OutputError
from ..headers import ArrayHeader

__all__ = ["OutputOptions", "refuse_options"]


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How an array is stored, as far as its format leaves that open; None is the format's default.

    Parameters
    ----------
    member : str or None
        Name of the array in a file of several.
    chunks : tuple of int or None
        Shape of the pieces that are stored apart.
    compression : str or None
        "none", "gzip", "zstd" or "snappy".
    columns : tuple of str or None
        Names of a table's columns.
    """

    member: str | None = None
    chunks: Shape | None = None
    compression: str | None = None
    columns: tuple[str, ...] | None = None


def refuse_options(header: ArrayHeader, options: OutputOptions, *allowed: str, compressions: tuple[str, ...]) -> None:
    """Check that options are among those of a format.

    Parameters
    ----------
    header : ArrayHeader
    options : OutputOptions
    *allowed : str
        Names of its fields; "compression" is said by `compressions`.
    compressions : tuple of str

    Raises
    ------
    OutputError
    """
    suffix = Path(header.name).suffix
    if header.dtype.names is not None and suffix != ".npy":
        raise OutputError(
            f"{header.name}: {suffix} files hold no records", cause=f"dtype {header.dtype}", next="name a .npy file"
        )
    for name in ("member", "chunks", "columns"):
        if getattr(options, name) is not None and name not in allowed:
            said = f"::{options.member}" if name == "member" else f"{name} {list(getattr(options, name))}"
            raise OutputError(
                f"{header.name}: {suffix} files have no {name}", cause=f"asked for {said}", next="leave it out"
            )
    if options.compression not in (None, *compressions):
        raise OutputError(
            f"{header.name}: {suffix} files are not compressed with {options.compression}",
            cause=f"allowed: {', '.join(compressions)}",
            next="choose one of them",
        )
    if options.chunks is not None and (len(options.chunks) != header.ndim or min(options.chunks, default=1) < 1):
        raise OutputError(
            f"{header.name}: the chunks do not fit the array",
            cause=f"chunks {list(options.chunks)}; the shape is {list(header.shape)}",
            next="give one length from 1 for every axis",
        )

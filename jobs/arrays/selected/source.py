"""A part of another source, by NumPy's basic slicing: only what is selected is read, and steps in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ...errors import InputUnsupportedError
from ...headers import ArrayHeader
from ..source import Source, files_of, marks_of
from .reader import SelectedReader
from .selection import Cut, parse_selection
from .stream import SelectedStreamReader

__all__ = ["SelectedSource", "select_source"]


@dataclass(frozen=True, slots=True)
class SelectedSource:
    """A part of a source; `select_source` makes it.

    Parameters
    ----------
    source : Source
    cuts : tuple of Cut
        What is taken of each axis of `source`.
    header : ArrayHeader
        Of the part.
    """

    source: Source
    cuts: tuple[Cut, ...]
    header: ArrayHeader

    @property
    def data_offset(self) -> int:
        """Return 0: there is no header of the part."""
        return 0

    @property
    def is_streamed(self) -> bool:
        """Whether the source can only be read from front to back."""
        return bool(getattr(self.source, "is_streamed", False))

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of all files that are read."""
        return files_of(self.source)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What tells parts that are no files from others."""
        return marks_of(self.source)

    @property
    def T(self) -> SelectedSource:  # noqa: N802 - NumPy's name
        """The same part with its axes reversed; nothing is copied."""
        header = self.header if self.header.ndim < 2 else self.header.T
        return replace(self, source=self.source.T, cuts=self.cuts[::-1], header=header)

    @contextmanager
    def open(self) -> Iterator[SelectedReader | SelectedStreamReader]:
        """Open the source for reading."""
        with self.source.open() as reader:
            if self.is_streamed:
                yield SelectedStreamReader(self.header, self.cuts, reader, self.source.header)
            else:
                yield SelectedReader(self.header, self.cuts, reader, self.source.header)


def _check_stream(header: ArrayHeader, cuts: tuple[Cut, ...], text: str) -> None:
    """Check that a part of a source that is read from front to back can be read so too."""
    is_forward = cuts and cuts[0].is_kept and cuts[0].step > 0 and header.order == "C"
    if not is_forward:
        raise InputUnsupportedError(
            f"{header.name}: can only be read from front to back, and {text!r} is not selected so",
            cause="it is compressed as a whole, or text: rows are selected by a slice that goes forward, as 5:6 or ::2",
            next=f"convert it first: arraymill run convert {header.name} -o converted.npy",
        )


def select_source(source: Source, text: str) -> SelectedSource:
    """Return a part of a source; nothing is read.

    Parameters
    ----------
    source : Source
    text : str
        NumPy's basic slicing: integers, slices and an ellipsis, ``"0:1000, ::2, -1"``.

    Raises
    ------
    SpecError
        If the text is something else, or does not fit the shape.
    InputUnsupportedError
        If the source can only be read from front to back, and the part cannot.

    Examples
    --------
    >>> import numpy as np
    >>> from ..memory import MemorySource
    >>> part = select_source(MemorySource("x", np.arange(12).reshape(3, 4)), "::-2, 1")
    >>> part.header.name, part.header.shape
    ('x[::-2, 1]', (2,))
    >>> with part.open() as reader:
    ...     reader.view(((0, 2),))
    array([9, 1])
    """
    header = source.header
    cuts = parse_selection(text, header.shape, name=header.name)
    if getattr(source, "is_streamed", False):
        _check_stream(header, cuts, text)
    shape = tuple(cut.length for cut in cuts if cut.is_kept)
    order = header.order if len(shape) > 1 else "C"
    name = f"{header.name}[{text.strip()}]"
    return SelectedSource(source, cuts, ArrayHeader(name, shape, header.dtype, order, header.reader_bytes))

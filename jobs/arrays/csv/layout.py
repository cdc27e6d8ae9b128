"""How a text file holds a table: its delimiter, its names, its columns and how many lines, found in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError
from ..files import cannot_read
from .cells import WHITESPACE, cells_of
from .names import holds_names

if TYPE_CHECKING:
    from ...spec.input import InputSpec

__all__ = ["CsvLayout", "count_lines", "has_only_rows", "is_row", "line_blocks", "look_at_text"]

BLOCK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 64 << 20

_DELIMITERS = (",", "\t", ";", "|")
_COMMENT = "#"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How a text file holds a table.

    Parameters
    ----------
    delimiter : str
        `WHITESPACE`: any blanks.
    comments : str or None
        What begins a comment.
    n_names : int
        1 if the first line that is no comment holds names, else 0.
    names : tuple of str
        Of the columns, empty if there are none.
    n_columns : int
    """

    delimiter: str
    comments: str | None
    n_names: int
    names: tuple[str, ...]
    n_columns: int

    @property
    def blanks(self) -> bytes:
        """What a line of nothing else is empty: between tabs there are cells."""
        return b" " if self.delimiter == "\t" else b" \t"


def line_blocks(name: str, descriptor: int) -> Iterator[bytes]:
    """Yield a text file in blocks of whole lines, each ending with a newline, whatever lines end with in the file.

    Raises
    ------
    InputError
        If the device fails, or a line has more than 64 MiB.
    """
    rest, offset, ends_with_return = b"", 0, False
    while True:
        try:
            part = os.pread(descriptor, BLOCK_BYTES, offset)
        except OSError as error:
            raise cannot_read(name, error) from error
        if not part:
            break
        if offset == 0:
            part = part.removeprefix(_BOM) or b"\n"
        offset += BLOCK_BYTES
        if ends_with_return and part.startswith(b"\n"):
            part = part[1:]
        ends_with_return = part.endswith(b"\r")
        rest += part.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in part else part
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > LONGEST_LINE_BYTES:
            raise InputError(
                f"{name}: a line is longer than 64 MiB", cause="no end of line was found", next="is it a text file?"
            )
    if rest:
        yield rest + b"\n"


def is_row(line: bytes, comments: str | None, blanks: bytes = b" \t") -> bool:
    """Return whether a line holds values: it is neither empty nor a comment."""
    stripped = line.strip(blanks)
    return bool(stripped) and not (comments and stripped.startswith(comments.encode()))


def count_lines(name: str, descriptor: int, layout: CsvLayout) -> int:
    """Return how many lines of a text file hold values, or names.

    Raises
    ------
    InputError
        If the device fails.
    """
    count = 0
    for block in line_blocks(name, descriptor):
        if layout.comments:
            count += sum(is_row(line, layout.comments, layout.blanks) for line in block.split(b"\n"))
        elif has_only_rows(block, layout.blanks):
            count += block.count(b"\n")
        else:
            count += sum(map(bool, block.translate(None, layout.blanks).split(b"\n")))
    return count


def has_only_rows(block: bytes, blanks: bytes) -> bool:
    """Return whether no line of a block is empty, as in most files."""
    bare = block.translate(None, blanks)
    return not bare.startswith(b"\n") and b"\n\n" not in bare


def look_at_text(name: str, descriptor: int, entry: InputSpec) -> CsvLayout:
    """Return how a text file holds a table, from its first lines and what the job says of it.

    Raises
    ------
    InputError
        If there is no line in it, it is no text, or its first line may be names or numbers.
    """
    lines, comments = _first_lines(name, descriptor, entry.comments), entry.comments
    if comments is None and lines[0].lstrip().startswith(_COMMENT):
        # as numpy.savetxt writes them
        comments = _COMMENT
        lines = _first_lines(name, descriptor, comments)
    suffix = os.path.splitext(entry.path if isinstance(entry.path, str) else name)[1]  # noqa: PTH122 - may be a URL
    delimiter = entry.delimiter or ("\t" if suffix == ".tsv" else _found_delimiter(lines[-1]))
    cells, *below = [cells_of(line.partition(comments)[0] if comments else line, delimiter) for line in lines]
    has_names = holds_names(name, cells, *below, delimiter=delimiter) if entry.header == "auto" else entry.header
    names = tuple(cells) if has_names else ()
    return CsvLayout(delimiter, comments, int(has_names), names, len(cells))


def _found_delimiter(line: str) -> str:
    """Return the delimiter of a line of numbers.

    >>> [_found_delimiter(line) for line in ("1,2", "1;2", "1 2", "1, 2", "12")]
    [',', ';', ' ', ',', ',']
    """
    counts = {delimiter: line.count(delimiter) for delimiter in _DELIMITERS}
    most = max(_DELIMITERS, key=lambda delimiter: counts[delimiter])
    if counts[most] and most != "\t":
        return most
    return "\t" if counts["\t"] and " " not in line.strip() else WHITESPACE if len(line.split()) > 1 else ","


def _first_lines(name: str, descriptor: int, comments: str | None) -> list[str]:
    """Return the first line and, if there is one, the second."""
    found: list[str] = []
    for block in line_blocks(name, descriptor):
        for line in block.split(b"\n"):
            if is_row(line, comments):
                found.append(_decoded(name, line))
            if len(found) == 2:
                return found
    if found:
        return found
    raise InputError(f"{name}: is empty", cause="there is no line of values in it", next="write the file again")


def _decoded(name: str, line: bytes) -> str:
    if b"\0" not in line:
        try:
            return line.decode()
        except UnicodeDecodeError:
            pass
    raise InputError(
        f"{name}: is not a text file in UTF-8",
        cause=f"it begins with {line[:20]!r}",
        next="save it as UTF-8, or name a file of another format",
    )

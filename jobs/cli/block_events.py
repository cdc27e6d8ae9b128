"""What the ledger says of one block, as documents and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..durations import format_seconds
from ..sizes import format_bytes
from .terminal import escape

__all__ = ["block_events", "event_line", "format_blocks"]

_MOST_RANGES = 8


def block_events(records: Iterable[Mapping[str, Any]], block: int) -> list[dict[str, Any]]:
    """Return the ledger's records of a block, in their order.

    >>> block_events([{"kind": "epoch", "number": 1}, {"kind": "retry", "block": 3}], 3)
    [{'kind': 'retry', 'block': 3}]
    """
    return [dict(record) for record in records if record.get("block") == block and "kind" in record]


def event_line(event: Mapping[str, Any]) -> str:
    """Return a record as a line for people.

    Examples
    --------
    >>> event_line({"kind": "retry", "block": 3, "attempt": 1, "reason": "OSError: busy"})
    'retry     attempt 1, reason OSError: busy'
    >>> print(event_line({"kind": "block", "block": 3, "attempt": 2, "pid": 42, "wall_s": 0.5, "bytes_read": 800,
    ...                   "bytes_written": 80, "crc32": 7}))
    done      attempt 2 in 500 ms by process 42: 800 B read, 80 B written, crc32 00000007
    """
    kind = str(event["kind"])
    if kind == "block":
        return f"{'done':<9} {_done(event)}"
    facts = [f"{name} {value}" for name, value in event.items() if name not in ("kind", "block") and value is not None]
    return f"{escape(kind):<9} {escape(', '.join(facts))}".rstrip()


def _done(event: Mapping[str, Any]) -> str:
    crc32 = event.get("crc32")
    parts = [
        f"{format_bytes(event.get('bytes_read', 0))} read",
        f"{format_bytes(event.get('bytes_written', 0))} written",
        f"halved {event['n_splits']} times" if event.get("n_splits") else "",
        "" if crc32 is None else f"crc32 {crc32:08x}",
    ]
    head = f"attempt {event.get('attempt', 1)} in {format_seconds(event.get('wall_s', 0.0))}"
    return f"{head} by process {event.get('pid')}: {', '.join(filter(None, parts))}"


def format_blocks(blocks: Iterable[int]) -> str:
    """Return numbers of blocks as ranges, the first few of them.

    >>> format_blocks([3, 1, 2, 9]), format_blocks(range(0, 40, 2))
    ('1-3, 9', '0, 2, 4, 6, 8, 10, 12, 14 and 12 more')
    """
    ranges: list[list[int]] = []
    for block in sorted(blocks):
        if ranges and block == ranges[-1][1] + 1:
            ranges[-1][1] = block
        else:
            ranges.append([block, block])
    said = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_MOST_RANGES]]
    n_more = sum(last - first + 1 for first, last in ranges[_MOST_RANGES:])
    return ", ".join(said) + (f" and {n_more} more" if n_more else "")

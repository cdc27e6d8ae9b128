"""What a machine was measured to do, as data: rates for predictions and for receipts, never for how anything is added.

A rate that could not be measured - a folder that cannot be written, no time left - is None, and the reason is among the
problems. Whoever reads one from a file gets a whole, plausible one or a `ValueError`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..limits import DeviceKind

__all__ = ["Calibration", "is_plausible"]

_LEAST_RATE, _MOST_RATE = 1.0, 1e18
_RATES = ("read", "most_read", "map_read", "map_write", "durable_write", "to_device", "from_device")
_MOST_ENTRIES = 16
_QUIET_SHARE = 0.85
_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one device class of one machine was measured to do; rates are bytes or operations per second.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    measured_s : float
        Unix time.
    took_s : float
        Seconds that measuring took.
    share : float
        Of its cores' time, what measuring got, from 0 to 1: where other programs took the rest, rates are too low.
    n_cores : int
        Cores that measured together.
    folder : str
        Where was written.
    read, most_read : float or None
        From the page cache into a buffer that is used again: one reader, and one on each core.
    map_read, map_write : float or None
        Copies out of a mapped file and into one that was only reserved, by one thread.
    writes : mapping of int to float
        Into a reserved file in the page cache, by so many writers together.
    durable_write : float or None
        By one writer, until the disk has it.
    flops : mapping of str to float
        Of products, by their arithmetic (`rates.product_kind`), per worker: with all cores busy, or of the GPU.
    to_device, from_device : float or None
        Over the link, from and to pinned memory.
    problems : tuple of str
        Why something is missing.

    Examples
    --------
    >>> one = Calibration("cpu", 1.7e9, 1.1, 1.0, 2, "/scratch", read=9e9, writes={1: 2e9, 2: 3e9}, flops={"f4": 1e11})
    >>> Calibration.from_json(one.to_json()) == one
    True
    >>> one.write, one.most_write
    (2000000000.0, 3000000000.0)
    """

    device: DeviceKind
    measured_s: float
    took_s: float
    share: float
    n_cores: int
    folder: str
    read: float | None = None
    most_read: float | None = None
    map_read: float | None = None
    map_write: float | None = None
    writes: Mapping[int, float] = field(default_factory=dict)
    durable_write: float | None = None
    flops: Mapping[str, float] = field(default_factory=dict)
    to_device: float | None = None
    from_device: float | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_disturbed(self) -> bool:
        """Whether other programs took so much that it should be measured again soon."""
        return self.share < _QUIET_SHARE

    @property
    def write(self) -> float | None:
        """Bytes per second of one writer."""
        return self.writes.get(1)

    @property
    def most_write(self) -> float | None:
        """Bytes per second that writers bring into the page cache together."""
        return max(self.writes.values(), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return it in types that JSON has."""
        writes = {str(n): rate for n, rate in self.writes.items()}
        return asdict(self) | {"writes": writes, "flops": dict(self.flops), "problems": list(self.problems)}

    @classmethod
    def from_json(cls, document: object) -> Calibration:
        """Return what `to_json` made a document of.

        Raises
        ------
        ValueError
            If anything in it is missing, of another type, or not plausible.
        """
        found = _mapping(document, "a calibration")
        if unknown := found.keys() ^ {field.name for field in fields(cls)}:
            raise ValueError(f"{', '.join(sorted(map(str, unknown)))}: missing or unknown")
        device = found["device"]
        if device not in ("cpu", "cuda"):
            raise ValueError(f"device is {device!r}")
        return cls(
            device=device,
            measured_s=_number(found["measured_s"]),
            took_s=_number(found["took_s"]),
            share=_number(found["share"]),
            n_cores=round(_number(found["n_cores"])),
            folder=_text(found["folder"]),
            writes={int(_text(n)): _rate(rate) for n, rate in _mapping(found["writes"], "writes").items()},
            flops={_text(kind): _rate(rate) for kind, rate in _mapping(found["flops"], "flops").items()},
            problems=tuple(map(_text, _list(found["problems"]))),
            **{name: None if found[name] is None else _rate(found[name]) for name in _RATES},
        )


def is_plausible(rate: float | None) -> bool:
    """Return whether a number can be a rate: from 1 to 1e18 per second.

    >>> [is_plausible(rate) for rate in (4e9, 0.0, float("nan"), float("inf"), None)]
    [True, False, False, False, False]
    """
    return rate is not None and _LEAST_RATE <= rate <= _MOST_RATE


def _rate(value: object) -> float:
    rate = _number(value)
    if not is_plausible(rate):
        raise ValueError(f"{value!r} is no rate")
    return rate


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{value!r} is no finite number from 0")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError(f"{value!r} is no short text")
    return value


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > len(fields(Calibration)):
        raise ValueError(f"{name} is no small mapping")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
        raise ValueError("problems is no short list")
    return value

"""What running sums and products read of an array that is cut into runs, and of the carries of runs."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks import Region

__all__ = ["PrefixLayout", "TotalLayout"]


@dataclass(frozen=True, slots=True)
class PrefixLayout:
    """A region of prefixes is made of the array and, where there are carries, the carry of its first run.

    Examples
    --------
    >>> PrefixLayout(0, 64, has_carries=True).regions(((130, 256),))
    (((128, 256),), ((1, 2),))
    >>> PrefixLayout(0, 64, has_carries=False).regions(((130, 256),))
    (((0, 256),),)
    """

    axis: int
    run: int
    has_carries: bool

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the regions of the array and of the carries."""
        start, stop = region[self.axis]
        before, behind = region[: self.axis], region[self.axis + 1 :]
        if not self.has_carries:
            return ((*before, (0, stop), *behind),)
        # the first run has no carry, and reads one in vain: no region is empty
        number = start // self.run
        carry = max(number - 1, 0)
        return (*before, (number * self.run, stop), *behind), (*before, (carry, carry + 1), *behind)


@dataclass(frozen=True, slots=True)
class TotalLayout:
    """Totals are made of whole runs.

    Examples
    --------
    >>> TotalLayout(0, 64).regions(((2, 4),))
    (((128, 256),),)
    """

    axis: int
    run: int

    def regions(self, region: Region) -> tuple[Region, ...]:
        """Return the region of the array."""
        start, stop = region[self.axis]
        return ((*region[: self.axis], (start * self.run, stop * self.run), *region[self.axis + 1 :]),)

from __future__ import annotations

import numpy as np
import pytest

from arraymill.jobs.arrays import OUTPUT_SUFFIXES
from arraymill.jobs.headers import ArrayHeader
from arraymill.jobs.rates.packing import packing_s

Y = ArrayHeader("y", (1_000_000, 15), np.dtype("f8"))


@pytest.mark.parametrize("suffix", sorted(set(OUTPUT_SUFFIXES) - {".npy"}))
def test_every_format_but_npy_takes_time(suffix: str) -> None:
    assert packing_s(Y, suffix) > 0


def test_npy_and_no_file_take_none() -> None:
    assert (packing_s(Y, ".npy"), packing_s(Y, "")) == (0, 0)


def test_gzip_takes_longer_than_none_and_text_than_bytes() -> None:
    assert packing_s(Y, ".h5", "gzip") > packing_s(Y, ".h5", "none") == packing_s(Y, ".h5")
    assert packing_s(Y, ".csv") > packing_s(Y, ".parquet", "snappy")


def test_twice_the_array_takes_twice_as_long() -> None:
    twice = ArrayHeader("y", (2_000_000, 15), np.dtype("f8"))
    for kind in ((".csv",), (".h5",), (".zarr", "zstd")):
        assert packing_s(twice, *kind) == 2 * packing_s(Y, *kind)

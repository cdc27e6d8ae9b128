from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disk_faults import FaultyDisk
from fault_tally import count_fault
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from journal_session import same

from arraymill.jobs.errors import StoreFullError
from arraymill.jobs.stages.kernels import Partial
from arraymill.jobs.store import PartialRef, PartialsFile

MIXED: Partial = (
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    np.array(True),
    np.empty((0, 4), "<c16"),
    np.array(["2026-01-01"], "M8[D]"),
)


def test_partials_come_back_with_their_bits_and_order(tmp_path: Path) -> None:
    partials = PartialsFile.open(tmp_path / "partials", 0)
    refs = [partials.append(MIXED), partials.append((MIXED[0] + 1,)), partials.append(())]
    partials.sync()
    found = [partials.read(ref) for ref in refs]
    partials.close()
    assert same(found[0], MIXED)
    assert same(found[1], (MIXED[0] + 1,))
    assert found[2] == ()
    assert all(array.flags.writeable and array.flags.aligned for array in found[0] or ())
    assert refs[1].offset == refs[0].nbytes


def test_a_ref_survives_the_ledger(tmp_path: Path) -> None:
    partials = PartialsFile.open(tmp_path / "partials", 0)
    ref = partials.append(MIXED)
    partials.close()
    assert PartialRef.from_json(ref.to_json()) == ref


_DTYPES: Any = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(),
    hnp.floating_dtypes(),
    hnp.complex_number_dtypes(),
    hnp.datetime64_dtypes(),
)


@given(st.lists(hnp.arrays(_DTYPES, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)), max_size=4), st.booleans())
def test_every_array_comes_back(
    tmp_path_factory: pytest.TempPathFactory, arrays: list[np.ndarray[Any, Any]], transposed: bool
) -> None:
    partial = tuple(array.T if transposed else array for array in arrays)
    partials = PartialsFile.open(tmp_path_factory.mktemp("partials") / "partials", 0)
    ref = partials.append(partial)
    found = partials.read(PartialRef.from_json(ref.to_json()))
    partials.close()
    assert found is not None
    for one, other in zip(found, partial, strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
        assert one.size < 2 or one.flags.f_contiguous == other.flags.f_contiguous


def test_a_flipped_bit_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "partials"
    partials = PartialsFile.open(path, 0)
    ref = partials.append(MIXED)
    content = path.read_bytes()
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            assert partials.read(ref) is None
    path.write_bytes(content)
    assert same(partials.read(ref), MIXED)
    partials.close()
    count_fault("survived byte-identical", 8 * len(content))


def test_a_file_that_is_too_short_or_gone_reads_as_none(tmp_path: Path) -> None:
    path = tmp_path / "partials"
    partials = PartialsFile.open(path, 0)
    ref = partials.append(MIXED)
    path.write_bytes(path.read_bytes()[:-1])
    assert partials.read(ref) is None
    partials.close()
    path.unlink()
    gone = PartialsFile.open(path, ref.nbytes)
    assert gone.read(ref) is None
    assert not path.exists()


def test_a_ref_that_makes_no_sense_reads_as_none(tmp_path: Path) -> None:
    partials = PartialsFile.open(tmp_path / "partials", 0)
    ref = partials.append((np.arange(4.0),))
    described = ref.arrays[0]
    for nonsense in (
        replace(described, shape=(5,)),
        replace(described, dtype="|O"),
        replace(described, dtype="no such"),
    ):
        assert partials.read(replace(ref, arrays=(nonsense,))) is None
    assert partials.read(replace(ref, offset=1 << 62)) is None
    partials.close()


def test_objects_are_refused(tmp_path: Path) -> None:
    partials = PartialsFile.open(tmp_path / "partials", 0)
    with pytest.raises(TypeError, match="objects"):
        partials.append((np.array([None]),))
    assert not (tmp_path / "partials").exists()


def test_what_no_record_names_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "partials"
    partials = PartialsFile.open(path, 0)
    first = partials.append(MIXED)
    partials.append(MIXED)
    partials.close()
    again = PartialsFile.open(path, first.nbytes)
    assert path.stat().st_size == first.nbytes
    second = again.append((np.arange(3),))
    assert second.offset == first.nbytes
    assert same(again.read(first), MIXED)
    again.close()


def test_a_failed_write_leaves_no_gap(tmp_path: Path) -> None:
    partials = PartialsFile.open(tmp_path / "partials", 0)
    first = partials.append(MIXED)
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(patch, 2, errno.ENOSPC)
        with pytest.raises(StoreFullError):
            partials.append(MIXED)
    second = partials.append((np.arange(3),))
    assert second.offset == first.nbytes
    assert same(partials.read(second), (np.arange(3),))
    partials.close()


def test_a_failed_sync_is_not_tried_again(tmp_path: Path) -> None:
    partials = PartialsFile.open(tmp_path / "partials", 0)
    partials.append(MIXED)
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(patch, 1, errno.EIO)
        with pytest.raises(StoreFullError):
            partials.sync()
    with pytest.raises(StoreFullError, match="any more"):
        partials.sync()
    partials.close()

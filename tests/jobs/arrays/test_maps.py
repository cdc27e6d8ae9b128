from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from arraymill.jobs.arrays import maps
from arraymill.jobs.arrays.maps import MappedFile, is_mappable, live_maps, map_file, reads_far_ahead


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)) * 64)
    return path


def open_file(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


def test_an_array_over_a_map_is_the_file_and_cannot_be_written(path: Path) -> None:
    descriptor = open_file(path)
    mapped = MappedFile(descriptor, 16384)
    os.close(descriptor)
    mapped.populate(10, 30)
    array = mapped.array(10, np.dtype("u1"), (4, 5))
    assert array.tobytes() == bytes(range(10, 30))
    assert not array.flags.writeable


def test_a_view_outlives_its_map(path: Path) -> None:
    descriptor = open_file(path)
    array = MappedFile(descriptor, 16384).array(0, np.dtype("u1"), (256,))
    os.close(descriptor)
    assert array.tolist() == list(range(256))


def test_a_file_that_is_too_short_cannot_be_mapped(path: Path) -> None:
    descriptor = open_file(path)
    with pytest.raises(OSError, match="ends before") as caught:
        MappedFile(descriptor, 16385)
    os.close(descriptor)
    assert caught.value.errno == errno.EFAULT


def test_a_truncated_file_is_an_error_before_it_is_touched(path: Path) -> None:
    descriptor = open_file(path)
    mapped = MappedFile(descriptor, 16384)
    os.truncate(path, 100)
    with pytest.raises(OSError, match="ends before") as caught:
        mapped.populate(0, 50)
    os.close(descriptor)
    assert caught.value.errno == errno.EFAULT


def test_one_file_is_mapped_once_while_somebody_holds_it(path: Path) -> None:
    first_descriptor, second_descriptor = open_file(path), open_file(path)
    first, second = map_file(first_descriptor, 16384), map_file(second_descriptor, 16384)
    assert first is second
    assert first in live_maps()
    path.write_bytes(bytes(16384))
    os.utime(path, ns=(1, 1))
    assert map_file(first_descriptor, 16384) is not first
    for descriptor in (first_descriptor, second_descriptor):
        os.close(descriptor)


def test_descriptors_are_closed_with_their_maps(path: Path) -> None:
    descriptor = open_file(path)
    mapped = MappedFile(descriptor, 16384)
    own = mapped.descriptor
    os.fstat(own)
    del mapped
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(own)
    os.close(descriptor)


def test_files_of_other_machines_have_no_views(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    device = path.stat().st_dev
    systems = (("ext4", True), ("tmpfs", True), ("nfs4", False), ("lustre", False), ("fuse.sshfs", False))
    for name, is_allowed in systems:
        monkeypatch.setattr(maps, "_file_system", lambda device, name=name: name)
        assert is_mappable(device) is (is_allowed and maps._can_populate())


def test_without_a_kernel_that_populates_there_are_no_views(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(maps, "_can_populate", lambda: False)
    assert not is_mappable(path.stat().st_dev)


def test_a_device_that_the_system_does_not_know_is_asked() -> None:
    assert not reads_far_ahead(os.makedev(0, 4095))

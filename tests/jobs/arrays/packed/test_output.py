from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disk_faults import FaultyDisk
from source_tree import SUPPORT

import arraymill.jobs.arrays.packed.packing as packing
from arraymill.jobs import disk
from arraymill.jobs.arrays import Output, adopt_output, create_output, load_output, output_file, was_published
from arraymill.jobs.errors import DiskFullError, JobError, OutputError
from arraymill.jobs.headers import ArrayHeader

F8 = np.dtype("<f8")
KIND: Any = ((3, 4), F8, "C")
WHOLE = np.arange(12.0).reshape(3, 4)
NAMES = ["y.npz", "y.zarr", "y.h5", "y.csv", "y.parquet"]
SCRIPT = SUPPORT / "packed_output_kills.py"


def create(path: Path, *, replace: bool = False) -> Output:
    output = create_output(path, *KIND, replace=replace, inputs=())
    with output.target.open(durable=True) as writer:
        writer.write(((0, 3), (0, 4)), WHOLE)
    return output


@pytest.mark.parametrize(
    ("name", "before", "names", "step"),
    [
        ("y.zarr", "replaced", "exchange", 3),
        ("y.zarr::g/y", "replaced", "rename", 3),
        ("y.zarr", "new", "rename", 8),
        ("y.h5", "new", "exchange", 2),
        ("y.npz", "replaced", "exchange", 5),
        ("y.csv", "new", "exchange", 6),
        ("y.parquet", "new", "exchange", 12),
    ],
)
def test_a_process_killed_at_any_effect_is_resumed(
    tmp_path: Path, name: str, before: str, names: str, step: int
) -> None:
    arguments = [sys.executable, str(SCRIPT), str(tmp_path), name, before, names, str(step)]
    ran = subprocess.run(arguments, capture_output=True, text=True, timeout=200, check=False)
    *complaints, (word, n_tried) = map(json.loads, ran.stdout.splitlines())
    assert (ran.stderr, complaints, word, n_tried >= 4) == ("", [], "tried", True)


FULL = """
import resource, sys
import numpy as np
from arraymill.jobs.arrays import adopt_output, create_output, load_output
from arraymill.jobs.errors import DiskFullError
from arraymill.jobs.headers import ArrayHeader

kind = (sys.argv[1], (40, 1000), np.dtype("f8"), "C")
whole = np.random.default_rng(1).standard_normal(kind[1])
output = create_output(*kind, replace=False, inputs=())
with output.target.open() as writer:
    writer.write(((0, 40), (0, 1000)), whole)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
try:
    output.prepare()
except DiskFullError as error:
    print(error.safe)
info = output.info()
output.keep()
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
with adopt_output(*kind, replace=False, info=info) as output:
    output.publish()
assert np.array_equal(load_output(kind[0], ArrayHeader(*kind))[...], whole)
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_costs_only_the_packing(tmp_path: Path, name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / name)], capture_output=True, text=True, timeout=120, check=False
    )
    expected = "every block is done and kept: only packing them was not\n"
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", expected)
    assert [tmp_path / name] == list(tmp_path.iterdir())


def test_a_disk_without_room_for_both_is_found_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)

    class Small:
        f_frsize = real.f_frsize
        f_bavail = 1_500_000 // real.f_frsize

    monkeypatch.setattr(os, "statvfs", lambda path: Small)
    kind: Any = ((1000, 125), F8, "C")
    with create_output(tmp_path / "y.npy", *kind, replace=False, inputs=()):
        pass
    for name in NAMES:
        with pytest.raises(OutputError, match="the disk is too small"):
            create_output(tmp_path / name, *kind, replace=False, inputs=())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["y.npz", "y.zarr"])
def test_publishing_goes_on_after_any_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = tmp_path / name
    with monkeypatch.context() as patch, create(path) as output:
        faulty = FaultyDisk(patch)
        output.publish()
        n_effects = len(faulty.log)
        disk.remove_tree(path) if path.is_dir() else path.unlink()
    # the last but one removes the .npy and with it the lock, whether it can or not
    for at in [*range(1, n_effects - 1), n_effects]:
        with create(path) as output:
            with monkeypatch.context() as patch:
                FaultyDisk(patch, at, errno.EIO)
                with pytest.raises(JobError, match=r"Input/output error|temporary file is gone"):
                    output.publish()
            output.publish()
        assert [path] == list(tmp_path.iterdir())
        disk.remove_tree(path) if path.is_dir() else path.unlink()


def test_what_was_packed_half_is_removed_by_who_comes_next(tmp_path: Path) -> None:
    path = tmp_path / "y.zarr"
    left = tmp_path / "y.zarr.partial.packed" / "c"
    left.mkdir(parents=True)
    create(path).keep()
    assert not left.exists()
    left.mkdir(parents=True)
    with adopt_output(path, *KIND, replace=False) as output:
        output.publish()
    assert [path] == list(tmp_path.iterdir())


def test_a_store_that_was_moved_away_is_put_back(tmp_path: Path) -> None:
    path, moved = tmp_path / "y.zarr", tmp_path / "y.zarr.partial.replaced"
    with create(path) as output:
        output.publish()
    path.rename(moved)
    with pytest.raises(OutputError, match="exists"):
        create(path)
    assert [path] == list(tmp_path.iterdir())


def test_another_file_of_the_name_is_not_taken_for_the_output(tmp_path: Path) -> None:
    path = tmp_path / "y.h5"
    output = create(path)
    output.prepare()
    info = output.info()
    output.publish()
    assert was_published(path, *KIND, info=info)
    os.utime(path)
    assert not was_published(path, *KIND, info=info)
    assert not was_published(path, *KIND, info={name: info[name] for name in info if name != "packed"})


@pytest.mark.parametrize("name", ["y.npz", "y.zarr::g/y", "y.h5", "y.csv", "y.parquet"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_small_pieces_make_the_same_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, order: Any
) -> None:
    monkeypatch.setattr(packing.pieces, "__kwdefaults__", {"n_bytes": 100, "share": (0, 1)})
    monkeypatch.setattr(packing.row_pieces, "__kwdefaults__", {"n_bytes": 100})
    array = np.random.default_rng(2).standard_normal((17, 9))
    path = str(tmp_path / name)
    with create_output(path, array.shape, F8, order, replace=False, inputs=()) as output:
        with output.target.open() as writer:
            writer.write(((0, 17), (0, 9)), array)
        output.publish()
    np.testing.assert_array_equal(load_output(path, ArrayHeader(path, (17, 9), F8))[...], array)
    assert output_file(path).exists()


MEMORY = """
import sys
import numpy as np
from arraymill.jobs.arrays import create_output
import pandas, pyarrow.parquet, zarr, zarr.codecs  # which take memory of their own

def megabytes(field):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

for name in sys.argv[2:]:
    path = f"{sys.argv[1]}/{name}"
    n_rows = 10_000 if name.endswith(".csv") else 800_000
    with create_output(path, (n_rows, 20), np.dtype("f8"), "C", replace=False, inputs=()) as output:
        open("/proc/self/clear_refs", "w").write("5")
        before = megabytes("VmRSS")
        output.prepare()
        print(name, round(megabytes("VmHWM") - before))
"""


LARGE = ["y.zarr", "y.parquet", "y.csv"]
"""Those that hold most."""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="/proc/self/clear_refs cannot be written")
def test_packing_takes_bounded_memory(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path), *LARGE], capture_output=True, text=True, timeout=200, check=False
    )
    assert ran.returncode == 0, ran.stderr
    taken = {name: int(megabytes) for name, megabytes in map(str.split, ran.stdout.splitlines())}
    # the array has 128 MB
    assert [name for name in LARGE if taken[name] > 100] == []


def test_an_error_of_the_disk_is_that_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with create(tmp_path / "y.h5") as output:
        monkeypatch.setattr(disk, "reserve", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(DiskFullError, match=r"y\.h5"):
            output.prepare()

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraymill.jobs import disk
from arraymill.jobs.arrays import Output, adopt_output, create_output, open_source, was_published
from arraymill.jobs.errors import JobError, OutputError, OutputLockedError

F8 = np.dtype("<f8")
KIND: Any = ((3, 4), F8, "C")
WHOLE = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "y.npy"


@pytest.fixture
def partial(path: Path) -> Path:
    return path.with_name("y.npy.partial")


def create(path: Path, *, replace: bool = False) -> Output:
    return create_output(path, *KIND, replace=replace, inputs=())


def write_rows(output: Output, *rows: int) -> None:
    with output.target.open(durable=True) as writer:
        for row in rows:
            writer.write(((row, row + 1), (0, 4)), WHOLE[row : row + 1])


def leave(path: Path, *, replace: bool = False) -> dict[str, Any]:
    """Leave an output with its first row written, and return what the ledger kept of it."""
    with create(path, replace=replace) as output:
        write_rows(output, 0)
        output.keep()
        info: dict[str, Any] = json.loads(json.dumps(output.info()))
    return info


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("has_info", [False, True])
def test_an_adopted_output_holds_what_was_written_and_is_written_on(
    path: Path, partial: Path, replace: bool, has_info: bool
) -> None:
    if replace:
        np.save(path, np.ones(2))
    info = leave(path, replace=replace)
    left = partial.read_bytes()
    with adopt_output(path, *KIND, replace=replace, info=info if has_info else None) as output:
        assert left == partial.read_bytes()
        assert info == output.info()
        write_rows(output, 1, 2)
        assert path.exists() == replace
        output.publish()
    assert np.array_equal(WHOLE, np.load(path))
    assert [path] == list(path.parent.iterdir())
    assert was_published(path, *KIND, info=info)


def test_another_number_of_the_device_is_no_other_file(path: Path) -> None:
    info = leave(path)
    info["device"] += 1
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        output.publish()
    assert was_published(path, *KIND, info=info)


def test_what_the_ledger_keeps_names_the_file(path: Path, partial: Path) -> None:
    info = leave(path)
    status = partial.stat()
    expected = {
        "path": str(path),
        "partial": str(partial),
        "device": status.st_dev,
        "inode": status.st_ino,
        "data_offset": 4096,
        "nbytes": status.st_size,
    }
    assert expected == info


def test_a_kept_output_is_unlocked_and_left(path: Path, partial: Path) -> None:
    with create(path) as output:
        write_rows(output, 0)
        output.keep()
        output.keep()
        output.discard()
        output.publish()
        assert [partial] == list(path.parent.iterdir())
    with create(path) as other:
        other.publish()


def test_a_late_worker_of_the_same_job_still_writes_to_it(path: Path) -> None:
    with create(path) as output:
        late = output.target
        output.keep()
    with adopt_output(path, *KIND, replace=False) as output:
        assert late == output.target
        with late.open() as writer:
            writer.write(((0, 3), (0, 4)), WHOLE)
        output.publish()
    assert np.array_equal(WHOLE, np.load(path))


def test_an_adopted_output_may_be_discarded_or_kept_again(path: Path, partial: Path) -> None:
    info = leave(path)
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        output.keep()
    with adopt_output(path, *KIND, replace=False, info=info):
        pass
    assert not partial.exists()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (0, 3)])
def test_any_shape_is_adopted(path: Path, shape: tuple[int, ...], order: Any) -> None:
    with create_output(path, shape, F8, order, replace=False, inputs=()) as output:
        output.keep()
    with adopt_output(path, shape, F8, order, replace=False) as output:
        output.publish()
    assert shape == np.load(path).shape


def test_an_output_that_is_held_is_not_adopted(path: Path) -> None:
    info = leave(path)
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        with pytest.raises(OutputLockedError):
            adopt_output(path, *KIND, replace=False, info=info)
        with pytest.raises(OutputLockedError):
            create(path)
        output.keep()


def truncate(partial: Path) -> None:
    os.truncate(partial, 4096)


def lengthen(partial: Path) -> None:
    os.truncate(partial, 5000)


def empty(partial: Path) -> None:
    os.truncate(partial, 0)


def spoil_header(partial: Path) -> None:
    with partial.open("r+b") as file:
        file.seek(60)
        file.write(b"9")


def replace_by_copy(partial: Path) -> None:
    shutil.copy(partial, partial.with_name("copy"))
    partial.with_name("copy").replace(partial)


def replace_by_link(partial: Path) -> None:
    partial.rename(partial.with_name("elsewhere"))
    partial.symlink_to("elsewhere")


def replace_by_folder(partial: Path) -> None:
    partial.unlink()
    partial.mkdir()


def replace_by_fifo(partial: Path) -> None:
    partial.unlink()
    os.mkfifo(partial)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (truncate, "4096 bytes are there, 4192 were created"),
        (lengthen, "5000 bytes are there"),
        (empty, "0 bytes are there"),
        (spoil_header, "its header is not the one of shape"),
        (replace_by_copy, "was created, inode"),
        (replace_by_link, "it is a symbolic link"),
        (replace_by_folder, "Is a directory"),
        (replace_by_fifo, "is not a file"),
        (Path.unlink, "No such file"),
    ],
)
def test_what_is_not_the_file_that_was_left_is_refused_untouched(
    path: Path, partial: Path, spoil: Any, cause: str
) -> None:
    info = leave(path)
    spoil(partial)
    before = [(entry.name, entry.lstat()) for entry in sorted(path.parent.iterdir())]
    with pytest.raises(OutputError) as caught:
        adopt_output(path, *KIND, replace=True, info=info)
    assert cause in caught.value.cause
    names = ("st_ino", "st_size", "st_mtime_ns", "st_mode")
    for name, status in before:
        now = (path.parent / name).lstat()
        assert [getattr(status, field) for field in names] == [getattr(now, field) for field in names]
    assert len(before) == len(list(path.parent.iterdir()))


@pytest.mark.parametrize(
    "kind", [((4, 3), F8, "C"), ((12,), F8, "C"), ((3, 4), np.dtype("<i8"), "C"), ((3, 4), F8, "F")], ids=str
)
def test_the_output_of_another_job_of_the_same_size_is_refused(path: Path, kind: Any) -> None:
    leave(path)
    with pytest.raises(OutputError, match="cannot be taken over"):
        adopt_output(path, *kind, replace=False)


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(path)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(OutputError, match="another user"):
        adopt_output(path, *KIND, replace=False)


def test_a_refused_output_can_be_made_anew(path: Path, partial: Path) -> None:
    info = leave(path)
    truncate(partial)
    with pytest.raises(OutputError):
        adopt_output(path, *KIND, replace=False, info=info)
    with create(path) as output:
        write_rows(output, 0, 1, 2)
        output.publish()
    assert np.array_equal(WHOLE, np.load(path))


def test_a_file_that_appeared_meanwhile_is_replaced_only_if_told_to(path: Path) -> None:
    info = leave(path)
    np.save(path, np.ones(2))
    with pytest.raises(OutputError, match="exists"):
        adopt_output(path, *KIND, replace=False, info=info)
    assert np.load(path).tolist() == [1, 1]
    assert not was_published(path, *KIND, info=info)
    with adopt_output(path, *KIND, replace=True, info=info) as output:
        output.publish()
    assert np.load(path).shape == (3, 4)


def test_an_output_that_is_an_input_is_refused(path: Path, partial: Path) -> None:
    leave(path)
    with pytest.raises(OutputError, match="is an input"):
        adopt_output(path, *KIND, replace=False, inputs=[open_source(partial)])


def test_a_name_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="are not written"):
        adopt_output(tmp_path / "y.txt", *KIND, replace=False)
    with pytest.raises(OutputError, match="are not written"):
        was_published(tmp_path / "y.txt", *KIND, info={})


def test_a_device_error_is_an_output_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(5, "Input/output error")

    leave(path)
    monkeypatch.setattr(disk, "fsync", fsync)
    with pytest.raises(OutputError, match="Input/output error"):
        adopt_output(path, *KIND, replace=False)


@pytest.fixture
def two_names(path: Path, partial: Path) -> dict[str, Any]:
    """What a crash between the link and the unlink of a publication leaves."""
    info = leave(path)
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        write_rows(output, 1, 2)
        output.keep()
    os.link(partial, path)
    return info


@pytest.mark.parametrize("replace", [False, True])
def test_a_publication_that_was_stopped_half_way_is_finished_by_adoption(
    path: Path, two_names: dict[str, Any], replace: bool
) -> None:
    with adopt_output(path, *KIND, replace=replace, info=two_names) as output:
        output.publish()
    assert [path] == list(path.parent.iterdir())
    assert np.array_equal(WHOLE, np.load(path))


def test_a_publication_that_was_stopped_half_way_is_found_and_finished(path: Path, two_names: dict[str, Any]) -> None:
    assert was_published(path, *KIND, info=two_names)
    assert [path] == list(path.parent.iterdir())
    assert np.array_equal(WHOLE, np.load(path))


def test_a_publication_that_another_run_finishes_is_locked(path: Path, two_names: dict[str, Any]) -> None:
    with adopt_output(path, *KIND, replace=False, info=two_names) as output:
        with pytest.raises(OutputLockedError):
            was_published(path, *KIND, info=two_names)
        output.publish()
    assert was_published(path, *KIND, info=two_names)


def test_a_publication_that_cannot_be_finished_is_a_job_error(
    path: Path, two_names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "unlink", unlink)
        with pytest.raises(JobError, match="Input/output error"):
            was_published(path, *KIND, info=two_names)
    # and it let go of the lock
    assert was_published(path, *KIND, info=two_names)


def test_an_older_file_of_the_same_shape_is_not_taken_for_the_output(path: Path) -> None:
    with create(path) as output:
        output.publish()
    info = leave(path, replace=True)
    assert not was_published(path, *KIND, info=info)


@pytest.mark.parametrize("spoil", [truncate, spoil_header, replace_by_copy, replace_by_link, Path.unlink])
def test_a_published_file_that_is_another_is_not_taken_for_the_output(path: Path, spoil: Any) -> None:
    info = leave(path)
    with adopt_output(path, *KIND, replace=False, info=info) as output:
        output.publish()
    spoil(path)
    assert not was_published(path, *KIND, info=info)


def test_publishing_goes_on_after_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with create(path) as output:
        write_rows(output, 0, 1, 2)
        for effect in ("fsync", "link", "unlink", "fsync_folder"):
            with monkeypatch.context() as patch:
                patch.setattr(disk, effect, fail)
                with pytest.raises(JobError, match="Input/output error"):
                    output.publish()
        output.publish()
    assert np.array_equal(WHOLE, np.load(path))
    assert [path] == list(path.parent.iterdir())


def test_a_folder_that_was_removed_in_mid_run_is_named(path: Path) -> None:
    with create(path) as output:
        shutil.rmtree(path.parent)
        for attempt in (output.target.open, output.target.reader):
            with pytest.raises(JobError, match="temporary file is gone") as caught, attempt():
                pass
            assert str(path.parent) in caught.value.cause
        with pytest.raises(JobError, match="temporary file is gone"):
            output.publish()
        path.parent.mkdir()

import os
import stat

import pytest
from stored_jobs import START_S, store_job

from arraymill.jobs.cli import report_file
from arraymill.jobs.cli.job_view import view_job
from arraymill.jobs.cli.report_file import open_page, page_of, write_page, write_page_to
from arraymill.jobs.errors import OutputError

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def view():
    return view_job(store_job("DONE", n_done=8, ended_s=START_S + 10.0))


@pytest.fixture
def page(view):
    return page_of(view)


def test_only_the_owner_reads_a_page_in_the_folder_of_its_job(view, page):
    path = write_page(view, page)
    assert path == view.folder.path / "report.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == page


def test_a_page_elsewhere_is_as_open_as_other_files(tmp_path, page):
    (tmp_path / "other").touch()
    path = write_page_to(tmp_path / "r.html", page)
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_page_replaces_a_page(tmp_path, page):
    for _ in range(2):
        write_page_to(tmp_path / "r.html", page)
    assert [path.name for path in tmp_path.glob("*.html*")] == ["r.html"]


def test_a_link_to_a_page_stays_a_link(tmp_path, page):
    (tmp_path / "link.html").symlink_to("r.html")
    write_page_to(tmp_path / "link.html", page)
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "r.html").read_text() == page


def test_a_page_replaces_nothing_else(tmp_path, page):
    (tmp_path / "x.npy").write_bytes(b"numbers")
    with pytest.raises(OutputError, match=r"x\.npy is there and is no report: it would be lost"):
        write_page_to(tmp_path / "x.npy", page)
    assert (tmp_path / "x.npy").read_bytes() == b"numbers"


def test_what_is_no_file_is_refused(tmp_path, page):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="no regular file"):
        write_page_to(tmp_path / "pipe", page)
    with pytest.raises(OutputError, match="is a folder"):
        write_page_to(tmp_path, page)


def test_a_folder_that_is_not_there_is_named(tmp_path, page):
    with pytest.raises(OutputError, match="No such file or directory"):
        write_page_to(tmp_path / "gone" / "r.html", page)


def test_a_disk_that_is_full_leaves_the_old_page(tmp_path, page, monkeypatch):
    path = write_page_to(tmp_path / "r.html", page)
    before = path.read_bytes()
    monkeypatch.setattr(report_file.disk, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OutputError, match="No space left"):
        write_page_to(path, page + "more")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if "r.html" in entry.name] == ["r.html"]


def test_a_folder_that_cannot_be_written_suggests_a_file(view, page, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(report_file.disk, "create", refuse)
    with pytest.raises(OutputError) as caught:
        write_page(view, page)
    assert caught.value.next == f"arraymill report {view.folder.id} --html FILE"
    assert "Permission denied" in caught.value.cause


def test_without_a_display_nothing_is_opened(tmp_path, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert open_page(tmp_path / "r.html") == "there is no display here"


@pytest.mark.parametrize(("is_open", "why"), [(True, ""), (False, "no browser could be started")])
def test_the_browser_is_given_the_address_of_the_file(tmp_path, monkeypatch, is_open, why):
    opened = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or is_open)
    assert open_page(tmp_path / "my report.html") == why
    assert opened == [f"file://{tmp_path}/my%20report.html"]


def test_a_job_without_its_file_has_a_page(view):
    view.folder.spec.unlink(missing_ok=True)
    assert f"arraymill run {view.folder.spec}" in page_of(view)

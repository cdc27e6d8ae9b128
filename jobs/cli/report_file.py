"""The page of a job as a file: written where it was asked for in one step, and shown in the user's browser."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .. import disk
from ..errors import JobError, OutputError, StoreFullError
from ..store import write_file
from .terminal import escape

if TYPE_CHECKING:
    from .job_view import JobView

__all__ = ["open_page", "page_of", "write_page", "write_page_to"]

_HEAD_BYTES = 1024


def page_of(view: JobView) -> str:
    """Return the page of a job that has a plan."""
    from ..report.page import report_page  # it brings jinja2, which the receipt as text has no use for
    from .repeat import repeat_command

    try:
        text = view.folder.spec.read_bytes()
    except OSError:
        text = b""
    command = repeat_command(text, view.folder.spec)
    return report_page(
        view.folder, view.state, view.settled, command=command, job_file=text.decode("utf-8", "backslashreplace")
    )


def write_page(view: JobView, page: str) -> Path:
    """Write a page into the folder of its job and return its path.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    path = view.folder.page
    try:
        write_file(path, page.encode())
    except StoreFullError as error:
        raise _refused(path, error.cause, f"arraymill report {view.folder.id} --html FILE") from error
    return path


def write_page_to(path: Path, page: str) -> Path:
    """Write a page to a file that a user named, and return its path. Only another page is replaced.

    Raises
    ------
    OutputError
        If the file cannot be written, or is there and holds something else.
    """
    if (cause := _reason_against(path)) is not None:
        raise _refused(path, cause, "name another FILE, or - for stdout")
    # a link stays one
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            descriptor = disk.create(temporary, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
            try:
                disk.write(descriptor, page.encode())
            finally:
                os.close(descriptor)
            disk.rename(temporary, target)
        except BaseException:
            with suppress(OSError):
                disk.unlink(temporary)
            raise
    except OSError as error:
        raise _refused(path, f"{path}: {error.strerror}", "name a FILE in a folder that you may write") from error
    return path


def open_page(path: Path) -> str:
    """Show a page in the user's browser; return why that cannot be done, or ""."""
    import webbrowser  # few reports are opened

    is_desktop = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not is_desktop and not os.environ.get("BROWSER"):
        # browsers for terminals would be found, and would write over what is printed here
        return "there is no display here"
    try:
        is_open = webbrowser.open(path.absolute().as_uri())
    except (webbrowser.Error, OSError) as error:
        return escape(str(error))
    return "" if is_open else "no browser could be started"


def _reason_against(path: Path) -> str | None:
    """Return why a file may not be replaced by a page, None if it may."""
    from ..report.page import GENERATOR

    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return f"{path} is a folder"
        if not stat.S_ISREG(status.st_mode):
            return f"{path} is no regular file"
        with path.open("rb") as file:
            is_page = f'content="{GENERATOR}"'.encode() in file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None if is_page else f"{path} is there and is no report: it would be lost"


def _refused(path: Path, cause: str, next_step: str) -> JobError:
    return OutputError(
        f"{path.name}: the report cannot be written", cause=cause, safe="nothing was changed", next=next_step
    )

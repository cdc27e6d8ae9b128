"""What can go wrong with files behind URLs, said without what is secret in a URL: user, password and query."""

from __future__ import annotations

import re
import sys
from urllib.parse import urlsplit

from ...errors import InputError, InputFailedError

__all__ = ["failed_error", "is_transient", "public_name", "remote_errors"]

_TRANSIENT_STATUS = frozenset({408, 425, 429})
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\")\]>]+")


def public_name(url: str) -> str:
    """Return a URL without user, password, query and fragment, as it may be shown.

    >>> public_name("https://me:secret@example.org/x.npy?signature=abc")
    'https://example.org/x.npy'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def remote_errors() -> tuple[type[Exception], ...]:
    """Return what the libraries raise: system errors, and errors of their own where they are loaded."""
    own = (("aiohttp", "ClientError"), ("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError"))
    found = [getattr(sys.modules[module], name) for module, name in own if module in sys.modules]
    return (OSError, TimeoutError, EOFError, *found)


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later."""
    error = _told(error)
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status >= 500 or status in _TRANSIENT_STATUS
    return not isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError)


def _told(error: BaseException) -> BaseException:
    """Return what a library met where it says of everything that there is no such file, as fsspec does of HTTP."""
    cause = error.__cause__
    is_vague = isinstance(error, FileNotFoundError) and isinstance(cause, remote_errors())
    return cause if is_vague and cause is not None and getattr(cause, "status", None) not in (404, 410) else error


def failed_error(name: str, error: BaseException) -> InputError:
    """Return the error for a file that a library could not read, with no secret of its URL in it."""
    error = _told(error)
    said = _URL.sub(lambda found: public_name(found[0]), str(error)) or type(error).__name__
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name}: there is no such file", cause=said, next="check the URL")
    if isinstance(error, PermissionError) or status in (401, 403) or "redential" in said:
        return InputError(
            f"{name}: may not be read",
            cause=said,
            next="log in where its library looks for keys (AWS_PROFILE, gcloud auth); for a public bucket of S3 set "
            "FSSPEC_S3_ANON=true",
        )
    kind = InputFailedError if is_transient(error) else InputError
    return kind(
        f"{name}: cannot be read", cause=f"{type(error).__name__}: {said}", next="check the URL and the network"
    )

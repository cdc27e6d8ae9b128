"""A web server for files of a folder, on a port of 127.0.0.1, with ranges or without, that fails when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


@dataclass
class FileServer:
    """What a server does, and what it was asked.

    Parameters
    ----------
    folder : Path
    has_ranges : bool
    failures : list of int
        Status codes that the next requests for data are answered with.
    """

    folder: Path
    has_ranges: bool = True
    failures: list[int] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    sent_bytes: int = 0
    port: int = 0
    is_closed: bool = False

    def url(self, path: str, userinfo: str = "") -> str:
        return f"http://{userinfo}127.0.0.1:{self.port}/{path}"


@contextmanager
def serve(folder: Path, *, has_ranges: bool = True) -> Iterator[FileServer]:
    """Serve the files of a folder."""
    state = FileServer(folder, has_ranges)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            path = None if self._is_closed() else self._path()
            if path is not None:
                self._begin(200, path, path.stat().st_size)

        def do_GET(self) -> None:
            if self._is_closed():
                return
            if state.failures:
                self._fail(state.failures.pop(0))
                return
            path = self._path()
            if path is None:
                return
            content, asked = path.read_bytes(), self.headers.get("Range")
            if asked is None or not state.has_ranges:
                self._begin(200, path, len(content))
                self._send(content)
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, len(content)) if last else len(content)
            state.ranges.append((start, stop))
            self._begin(206, path, stop - start, f"bytes {start}-{stop - 1}/{len(content)}")
            self._send(content[start:stop])

        def _is_closed(self) -> bool:
            # connections outlive the server
            self.close_connection = self.close_connection or state.is_closed
            return state.is_closed

        def _path(self) -> Path | None:
            path = state.folder / unquote(self.path.partition("?")[0]).lstrip("/")
            if path.is_file():
                return path
            self._fail(404)
            return None

        def _fail(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _begin(self, status: int, path: Path, n_bytes: int, content_range: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(n_bytes))
            self.send_header("ETag", f'"{path.stat().st_mtime_ns}"')
            self.send_header("Last-Modified", formatdate(path.stat().st_mtime, usegmt=True))
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()

        def _send(self, content: bytes) -> None:
            state.sent_bytes += len(content)
            try:
                self.wfile.write(content)
            except OSError:
                # the client has seen enough
                self.close_connection = True

        def handle(self) -> None:
            # a client that goes away is no failure
            with suppress(ConnectionError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.is_closed = True
        server.shutdown()
        server.server_close()
        thread.join()

"""An HTTP server of one folder on this machine alone: files by ranges of bytes (RFC 9110, section 14), and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

HOST = "127.0.0.1"  # nobody else's requests arrive here
TYPES = {".html": "text/html; charset=utf-8", ".parquet": "application/vnd.apache.parquet", ".json": "application/json"}
CHUNK = 1 << 20  # bytes that are read at a time
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Folder(ThreadingHTTPServer):
    """Serves pages, files and answers by their paths.

    Parameters
    ----------
    port : int
        0 for one that is free.
    pages : mapping of str to bytes
        HTML by path.
    files : mapping of str to Path
        Served by ranges.
    answers : mapping of str to callable
        From the query of a path to what JSON can hold; ``KeyError``, ``ValueError`` or ``IndexError`` of a query that
        makes no sense.
    """

    daemon_threads = True

    def __init__(
        self, port: int, pages: Mapping[str, bytes], files: Mapping[str, Path], answers: Mapping[str, Callable]
    ):
        super().__init__((HOST, port), _Handler)
        self.pages, self.files, self.answers = pages, files, answers

    @property
    def url(self) -> str:
        """Where its first page is."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Folder

    def do_GET(self) -> None:
        own = f":{self.server.server_port}"
        if self.headers.get("Host") not in (HOST + own, f"localhost{own}"):  # a page of elsewhere under a false name
            return self._refuse(HTTPStatus.FORBIDDEN)
        asked = urlsplit(self.path)
        path = unquote(asked.path)
        if path in self.server.pages:
            return self._send(self.server.pages[path], TYPES[".html"])
        if path in self.server.answers:
            return self._answer(self.server.answers[path], parse_qs(asked.query))
        file = self.server.files.get(path)
        return self._send_file(file) if file and file.is_file() else self._refuse(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal is the user's."""

    def _answer(self, answer: Callable, query: dict[str, list[str]]) -> None:
        try:
            found = answer(query)
        except (KeyError, ValueError, IndexError):
            return self._refuse(HTTPStatus.BAD_REQUEST)
        return self._send(json.dumps(found).encode(), TYPES[".json"])

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_error(status)

    def _send_file(self, path: Path) -> None:
        """A file, or the range of it that is asked for; one that lies beyond its end is refused."""
        size = path.stat().st_size
        first, last = _range(self.headers.get("Range"), size)
        if first > last and size:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        part = last - first + 1 < size
        self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
        self.send_header("Content-Type", TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if part:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if self.command != "HEAD":
            with path.open("rb") as file:
                self._copy(file, first, last - first + 1)

    def _copy(self, file: BinaryIO, first: int, left: int) -> None:
        file.seek(first)
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            self.wfile.write(chunk)
            left -= len(chunk)


def _range(asked: str | None, size: int) -> tuple[int, int]:
    """First and last byte; the whole file if no single range of bytes is asked for."""
    found = RANGE.fullmatch((asked or "").strip())
    if not found or not any(found.groups()):
        return 0, size - 1
    first, last = found.groups()
    if not first:  # the last so many
        return max(size - int(last), 0), size - 1 if int(last) else -1
    return int(first), min(int(last or size), size - 1)

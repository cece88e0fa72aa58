"""The bytes of a trace file: plain or gzip-ed, looked at once for its kind of content."""

from __future__ import annotations

import csv
import gzip
import zlib
from functools import cached_property
from pathlib import Path

from gpusim.inputs.traces.faults import Faults

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
HEAD_BYTES = 65_536


class Source:
    """One file in memory, unpacked.

    Attributes
    ----------
    path : Path
    data : bytes
        The content, after gzip.
    faults : Faults
        Of this file; readers add to it.
    notes : dict of str to int
        Oddities survived so far: what -> how often.
    """

    def __init__(self, path: Path):
        self.path = path
        self.faults = Faults(str(path))
        self.notes: dict[str, int] = {}
        self.data = self._unpacked()
        if not self.data.strip():
            self.faults.stop("the file is empty")
        if not self.is_parquet:
            self._check_text()

    def _unpacked(self) -> bytes:
        try:
            data = self.path.read_bytes()
        except OSError as error:
            self.faults.stop(f"cannot be opened: {error.strerror or error}")
        if not data.startswith(GZIP_MAGIC):  # by content: downloads often lose or gain the .gz of their name
            return data
        try:
            return gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            self.faults.stop(f"damaged or cut-off gzip file ({error}); fetch it again")

    def _check_text(self) -> None:
        zero = self.data.find(b"\0")
        if zero >= 0:
            self.faults.stop(f"line {self.line_of(zero)}: binary data (a zero byte), expected text, gzip or Parquet")
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.faults.stop(
                f"line {self.line_of(error.start)}: not UTF-8 text (byte 0x{self.data[error.start]:02x}); "
                "expected text, gzip or Parquet"
            )
        self.note("lines that end in CR LF", self.data.count(b"\r\n"))
        self.note("last line without a newline", int(not self.data.endswith((b"\n", b"\r"))))

    @property
    def is_parquet(self) -> bool:
        return self.data.startswith(PARQUET_MAGIC)

    def line_of(self, position: int) -> int:
        """Number of the line that holds the byte at ``position``, from 1."""
        return self.data.count(b"\n", 0, position) + 1

    def note(self, what: str, count: int) -> None:
        """Remember an oddity, unless it never occurred."""
        if count:
            self.notes[what] = self.notes.get(what, 0) + int(count)

    @cached_property
    def head(self) -> list[str]:
        """The first lines, without line ends, blank lines and gpusim's own comment lines."""
        text = self.data[:HEAD_BYTES].decode("utf-8-sig", errors="ignore")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("# ")]
        return lines[:50]

    @cached_property
    def header(self) -> list[str]:
        """Cells of the first line, as CSV."""
        return [cell.strip() for cell in next(csv.reader(self.head[:1]), [])]

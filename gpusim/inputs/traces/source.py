"""The bytes of a trace file: plain or gzip-ed, looked at once for its kind of content."""

from __future__ import annotations

import csv
import gzip
import zlib
from functools import cached_property
from pathlib import Path

from gpusim.errors import reason
from gpusim.inputs.traces.faults import Faults

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
OTHERS = {  # what files begin with that are something else, and what to do about them
    b"PK\x03\x04": "a zip file; unpack it, or pack it with gzip",
    b"BZh": "a bzip2 file; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "an xz file; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "a Zstandard file; unpack it, or pack it with gzip",
    GZIP_MAGIC: "packed twice with gzip; unpack it once",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"version https://git-lfs": "a pointer of Git LFS in place of the file; fetch the file with git lfs pull",
    b"<!DOCTYPE": "a web page in place of the file; fetch the file itself",
}
HEAD_BYTES = 65_536
COMMENTS = ("# ", ";")  # gpusim's own and SWF's; no publisher's CSV begins a line so


class Source:
    """One file in memory, unpacked, its lines ended by LF alone, without byte order mark.

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

    def __init__(self, path: Path, what: str = "a job trace"):
        """Read a file; ``what`` is expected of it, for messages."""
        self.path, self.what = path, what
        self.faults = Faults(str(path))
        self.notes: dict[str, int] = {}
        self.data = self._unpacked()
        if not self.data.strip():
            self.faults.stop(f"the file is empty; expected {what}")
        if not self.is_parquet:
            self._check_text()

    def _unpacked(self) -> bytes:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            hint = " (a scenario is given its trace by --set workload.trace=PATH)" if "trace" in self.what else ""
            self.faults.stop(f"no such file; check the path{hint}")
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
            self.faults.stop(f"cannot be opened: {reason(error)}")
        if not data.startswith(GZIP_MAGIC):  # by content: downloads often lose or gain the .gz of their name
            return data
        try:
            return gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            self.faults.stop(f"damaged or cut-off gzip file ({error}); fetch it again")

    def _check_text(self) -> None:
        for magic, told in OTHERS.items():
            if self.data.startswith(magic):
                self.faults.stop(told)
        zero = self.data.find(b"\0")
        if zero >= 0:
            self.faults.stop(f"line {self.line_of(zero)}: binary data (a zero byte), expected text, gzip or Parquet")
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            self.faults.stop(
                f"line {self.line_of(error.start)}: not UTF-8 text (byte 0x{self.data[error.start]:02x}); "
                "expected text, gzip or Parquet; save text as UTF-8"
            )
        self.note("last line without a newline", int(not self.data.endswith(b"\n")))
        self.note("lines that end in CR LF", self.data.count(b"\r\n"))
        self.data = self.data.removeprefix(BYTE_ORDER_MARK).replace(b"\r\n", b"\n")
        stray = self.data.find(b"\r")
        if stray >= 0:
            self.faults.stop(f"line {self.line_of(stray)}: a carriage return within a line; end lines with LF or CR LF")

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
    def first_line(self) -> int:
        """Position of the byte at which the first line begins that is neither blank nor a comment."""
        start = 0
        while start < len(self.data):
            end = self.data.find(b"\n", start)
            end = len(self.data) if end < 0 else end
            line = self.data[start : min(end, start + HEAD_BYTES)].decode("utf-8", errors="ignore")
            if line.strip() and not line.startswith(COMMENTS):
                return start
            start = end + 1
        return len(self.data)

    @cached_property
    def head(self) -> str:
        """The first line that is neither blank nor a comment; of an endless line only the beginning."""
        end = self.data.find(b"\n", self.first_line, self.first_line + HEAD_BYTES)
        stop = self.first_line + HEAD_BYTES if end < 0 else end
        return self.data[self.first_line : stop].decode("utf-8", errors="ignore").strip()

    @cached_property
    def header(self) -> list[str]:
        """Cells of the first line, as CSV."""
        return [cell.strip() for cell in next(csv.reader([self.head]), [])]

    def fold_capitals(self) -> None:
        """Read a header line that is all in capitals, as databases write it, in small letters."""
        if not self.is_parquet and len(self.header) > 1 and self.head.isupper():
            self.header = [name.lower() for name in self.header]
            self.note("column names in capitals, read as lower case", len(self.header))

    @property
    def separator(self) -> str:
        """What to do about a header line whose cells no commas separate; '' if they do."""
        names = {";": "semicolons", "\t": "tabs", "|": "bars"}
        found = next((name for sign, name in names.items() if sign in self.head), None)
        if found is None or len(self.header) > 1:
            return ""
        return f"its cells are separated by {found}: separate them by commas (first line: {self.head[:60]!r})"

    def lacks(self, *columns: str) -> str:
        """Which of ``columns`` the header line has not, as a sentence; '' if it has all."""
        missing = [name for name in columns if name not in self.header]
        return f"its header has no {', '.join(missing)}" if missing else ""

"""Files that many runs of a process read: looked at again only when they have changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

FORMULA = re.compile(r"'*[=+\-@\t\r]")  # how one begins, or what was one before it got apostrophes


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """A table for CSV in which no text is a formula to a spreadsheet: what begins like one gets an apostrophe."""
    texts = {
        name: column.map(lambda text: f"'{text}" if isinstance(text, str) and FORMULA.match(text) else text)
        for name, column in table.items()
        if not is_numeric_dtype(column)
    }
    return table.assign(**texts)


def from_text(texts: Sequence[str]) -> list[str]:
    """What texts were before ``as_text``."""
    return [text[1:] if text[:1] == "'" and FORMULA.match(text) else text for text in texts]


def stamp(path: Path) -> tuple[int, ...]:
    """What tells a file's present content from an earlier one without reading it: device, inode, size and time."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def sha256_of(path: Path) -> str:
    """sha256 of a file's content, in hexadecimal."""
    return _sha256(path, stamp(path))


@lru_cache(maxsize=1024)
def _sha256(path: Path, _stamp: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

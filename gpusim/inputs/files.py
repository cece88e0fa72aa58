"""Files that many runs of a process read: looked at again only when they have changed."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


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

"""Whether a folder or file can be written, found before the work whose outcome it is to take."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from gpusim.errors import ResultError, reason

ROOM = 1 << 20  # bytes that have to be free


def check_writable(target: Path) -> None:
    """``ResultError`` if ``target`` cannot be made or written: tried out beside it, and nothing is left behind."""
    try:
        real = Path(os.path.realpath(target))  # where a link leads
        place = next(folder for folder in real.parents if os.path.lexists(folder))
        with TemporaryDirectory(dir=place, prefix=".gpusim-") as probe:
            # As long as the longest name that is written there, see ``gpusim.tables.folder``.
            below = real.relative_to(place)
            tried = Path(probe) / below.with_name(f".{below.name}.earlier")
            tried.mkdir(parents=True)
            (tried / "room").write_bytes(bytes(ROOM))
        if target.is_dir():
            with TemporaryDirectory(dir=target, prefix=".gpusim-"):
                pass
        elif target.exists() and not os.access(target, os.W_OK):
            raise PermissionError("a file that is not to be written")
    except OSError as error:
        raise ResultError(f"{target}: cannot be written ({reason(error)}); choose another place") from None


def check_file(target: Path) -> None:
    """``ResultError`` if a file cannot be written; then there is a folder for it."""
    if target.is_dir():
        raise ResultError(f"{target}: is a folder; give the name of a file")
    check_writable(target)
    target.absolute().parent.mkdir(parents=True, exist_ok=True)


def folder_name(name: str) -> str:
    """Name of a folder for what a file calls itself, which is any text: one name, never a path."""
    return re.sub(r"[^\w .()+-]+", "-", name).strip(" .-")[:200] or "study"

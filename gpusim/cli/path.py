"""Paths that commands take: whatever a command does with one, a name too long is told in the same words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import click


class NamedPath(click.Path):
    """A path, ``OSError`` if no file can be called so."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)
        for part in (path, *path.parts):  # by itself too: below a folder that is not there a path is not looked at
            try:
                os.lstat(part)
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise OSError(error.errno, error.strerror, str(path)) from None
            except ValueError:  # a zero byte, which who opens it tells
                pass
        return path


PATH = NamedPath(path_type=Path)

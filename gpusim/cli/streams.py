"""Standard output and error that outlast their reader, say any text, and fail with one line."""

from __future__ import annotations

import io
import os
import sys

import click

from gpusim.errors import printable

STDOUT = 1


class _Pipe(io.FileIO):
    """Goes on into nothing where it cannot be written.

    That is no error if whoever read it has gone, as in ``gpusim run ... | head -1``, nor of standard error, which then
    has nowhere to tell of it. Standard output on a full disk is one, once.
    """

    def write(self, content: bytes) -> int:
        try:
            return super().write(content)
        except OSError as error:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            if self.fileno() == STDOUT and not isinstance(error, BrokenPipeError):
                raise OSError(error.errno, error.strerror, "standard output") from None
            return super().write(content)


def settle() -> None:
    """Make the standard streams so, once, at the start of the process."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):  # closed, or taken by a test
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
            continue
        stream.flush()
        pipe = io.BufferedWriter(_Pipe(stream.fileno(), "wb", closefd=False))
        encoding, lines = stream.encoding, stream.line_buffering
        setattr(sys, name, io.TextIOWrapper(pipe, encoding, "backslashreplace", line_buffering=lines))


def say(text: str, err: bool = False) -> None:
    """Print lines in which all is text: control characters, of the name of a file perhaps, are shown escaped."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)

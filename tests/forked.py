"""Commands in processes of their own that begin with all that this one has loaded: forked, not started anew."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gpusim.cli import main


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def gpusim(folder: Path, command: str, stdout: IO | None = None, stderr: IO | None = None) -> Done:
    """Run a command in a folder; what it writes to is a file of the caller's, or is read back.

    An interpreter takes seconds to import all that a command of a second needs.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        child = os.fork()
        if child == 0:
            _play(folder, command.split(), stdout or said, stderr or complained)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (said, complained):
            file.seek(0)
        return Done(status, said.read(), complained.read())


def _play(folder: Path, words: list[str], *files: IO) -> None:
    """What an interpreter does, to its end: nothing of the test goes on here."""
    status = 1
    try:
        os.chdir(folder)
        for number, name, file in zip((1, 2), ("stdout", "stderr"), files):
            os.dup2(file.fileno(), number)
            stream = io.TextIOWrapper(open(number, "wb", closefd=False), "utf-8", line_buffering=number == 2)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        sys.argv = ["gpusim", *words]
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    try:
        sys.stdout.flush()
    except OSError:
        status = 120  # as the interpreter says of output that was never written
    os._exit(status)

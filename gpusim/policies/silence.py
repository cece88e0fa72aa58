"""What a solver in C++ prints by itself does not come among what we print."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silence() -> Iterator[None]:
    """Nothing that compiled code writes to the standard output is seen while the context lasts.

    HiGHS 1.12 (SciPy 1.17) prints a line for some integer programmes, whatever its options; no option of SciPy keeps
    it from that.
    """
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError):  # there is none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        c = ctypes.cdll.msvcrt if os.name == "nt" else ctypes.CDLL(None)
        c.fflush(None)  # what waits in the buffer of C would come out later
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)

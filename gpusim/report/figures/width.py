"""How wide a figure is: as a page or a paper has room for it, or for a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

WIDE_IN, NARROW_IN = 6.6, 4.0
LINE_IN = 0.15  # of text of 9 points

_width_in: ContextVar[float] = ContextVar("width_in", default=WIDE_IN)


@contextmanager
def narrowed() -> Iterator[None]:
    """Have figures that are drawn meanwhile in their narrow form: text of the same size on ``NARROW_IN``."""
    token = _width_in.set(NARROW_IN)
    try:
        yield
    finally:
        _width_in.reset(token)


def width_in() -> float:
    """[in] Width of a sheet."""
    return _width_in.get()


def is_narrow() -> bool:
    """Whether what stands side by side on a wide sheet goes one below the other."""
    return width_in() < WIDE_IN


def wrapped(text: str, beside_in: float = 0.1, points: float = 9.0) -> str:
    """A text in lines that fit on the sheet beside what takes so much of its width."""
    return textwrap.fill(text, max(int((width_in() - beside_in) / (0.0076 * points)), 12))

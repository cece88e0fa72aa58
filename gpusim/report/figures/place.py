"""Where a figure is drawn: on a sheet of its own, or in the place of an Axes in a figure of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from gpusim.errors import ResultError

_place: ContextVar[Axes | None] = ContextVar("place", default=None)


@contextmanager
def in_place_of(ax: Axes | None) -> Iterator[None]:
    """Have the figure that is drawn meanwhile take the place of ``ax``; on a sheet of its own without.

    Raises
    ------
    ResultError
        If ``ax`` is not one of a grid.
    """
    if ax is not None and ax.get_subplotspec() is None:
        raise ResultError("ax: not in a grid; give one from plt.subplots or figure.add_subplot")
    token = _place.set(ax)
    try:
        yield
    finally:
        _place.reset(token)


def blank(width_in: float, height_in: float) -> Figure | SubFigure:
    """What a figure is drawn on: a sheet of this size, or what the Axes leaves that it takes the place of."""
    ax = _place.get()
    if ax is None:
        return Figure(figsize=(width_in, height_in))
    here = ax.get_figure().add_subfigure(ax.get_subplotspec())
    ax.remove()
    return here


def height_in(figure: Figure | SubFigure) -> float:
    """[in] Height of what a figure is drawn on."""
    return figure.bbox.height / figure.dpi

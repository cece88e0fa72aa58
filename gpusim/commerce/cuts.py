"""Tenants that cut back or default: shocks to what their contracts commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gpusim.buildout.shocks import Window
from gpusim.commerce.book import Book


class Cut(NamedTuple):
    """A contract of which from a moment on only a part is in force."""

    shock: str
    contract: int
    at_s: int
    factor: float


def cuts_of(book: Book, windows: Iterable[Window]) -> tuple[Cut, ...]:
    """What the shocks that came cut, of the contracts that are signed then and go on."""
    return tuple(
        Cut(window.name, c, at_s, window.spec.factor)
        for window in windows
        if window.spec.effect == "demand"
        for c, terms in enumerate(book.contracts)
        if terms.spec.tenant == window.spec.tenant
        and (not window.spec.contracts or terms.name in window.spec.contracts)
        and terms.signed_s <= (at_s := max(round(window.from_s), 0)) < min(terms.end_s, book.run_s)
    )

"""Causes as charts write and colour them."""

from __future__ import annotations

import pandas as pd

from gpusim.causes import STACK, WORDS


def short(cause: str) -> str:
    """A cause as tables and legends write it."""
    return WORDS[cause].short


def colours(causes: pd.Series) -> dict[str, list[str]]:
    """Domain and range of a colour scale: the causes that occur, as ``short`` writes them, in the order of stacks."""
    occur = set(causes.unique())
    rows = [row for row in STACK if row.short in occur]
    return {"domain": [row.short for row in rows], "range": [row.colour for row in rows]}

"""What gains do behind the knee of a curve: level off, fall, or go on rising more slowly."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

LEVEL = 0.05  # of the gain at the knee: gains that stay within it are level


class Beyond(NamedTuple):
    """The knee of a curve, and what comes behind it.

    Attributes
    ----------
    how : str
        "level": no further step gains 5% more or less than the knee; "fall": none gains 5% more, some less; "rise".
    amount, share : float
        Of the knee; its gain as a share of the greatest of the curve.
    most : float
        Amount of the step with the greatest gain, of several the last.
    """

    how: str
    amount: float
    share: float
    most: float


def beyond(curve: pd.DataFrame) -> Beyond | None:
    """What one curve (amount, gain, knee; by amount) does behind its knee; None if it has none."""
    amounts, gains, knee = curve["amount"].to_numpy(), curve["gain"].to_numpy(), curve["knee"].to_numpy(bool)
    if not knee.any():
        return None
    at = int(knee.argmax())
    later, most = gains[at + 1 :], len(gains) - 1 - int(gains[::-1].argmax())
    if (later > (1.0 + LEVEL) * gains[at]).any():
        how = "rise"
    else:
        how = "fall" if (later < (1.0 - LEVEL) * gains[at]).any() else "level"
    return Beyond(how, float(amounts[at]), float(gains[at] / gains[most]), float(amounts[most]))

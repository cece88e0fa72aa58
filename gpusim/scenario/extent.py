"""What no table of a file may be: nested without end, or with numbers that no quantity has.

Looked at before anything else, and by itself: what reads the tables afterwards can rely on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted

DEEPEST = 32  # tables and lists in each other; a scenario needs nine
MOST, LEAST = 1e15, 1e-12  # of a number, in its unit: their products and squares are finite, and so are inverses
LONGEST = 4096  # characters of a text, as of a path


def outsized(data: object) -> Iterator[str]:
    """A fault for each value of nested tables that is beyond these limits."""
    waiting: list[tuple[tuple, object]] = [((), data)]
    while waiting:  # not by recursion: how deep it goes is the question
        place, value = waiting.pop()
        if isinstance(value, dict | list):
            if len(place) >= DEEPEST:
                yield f"{dotted(place[:2])}: tables or lists nested more than {DEEPEST} deep"
                continue
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [((*place, key), entry) for key, entry in entries]
        elif fault := _fault(value, is_time=bool(place) and str(place[-1]).endswith("_s")):
            yield f"{dotted(place)}: found {kinds.in_toml(value)}; {fault}"


def _fault(value: object, is_time: bool) -> str:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"give {LONGEST:,} characters at most"
    if isinstance(value, str) and "\0" in value:
        return "text holds no NUL"
    if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
        return ""
    if abs(value) > MOST and not (isinstance(value, float) and (is_time or math.isinf(value))):  # for ever is a time
        return f"give a number of {MOST:,.0f} at most, in size"
    return f"give 0, or a number of {LEAST:g} or more, in size" if abs(value) < LEAST else ""

"""Small random choices, all read from one draw of hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
N_BYTES = 768  # more than any case reads


@dataclass
class Dice:
    """Bytes that are read as choices, in turn: the smaller a byte the simpler the choice, so that cases shrink.

    A draw of hypothesis for every number of a case would take longer than both simulators take to play it.
    """

    thrown: bytes = field(repr=False)
    read: int = 0

    def whole(self, low: int, high: int) -> int:
        """A number from ``low`` up to and with ``high``."""
        byte = self.thrown[self.read]
        self.read += 1
        return low + byte % (high - low + 1)

    def coin(self) -> bool:
        return self.whole(0, 1) == 1

    def one_of(self, values: Sequence[T]) -> T:
        return values[self.whole(0, len(values) - 1)]

    def some(self, low: int, high: int, make: Callable[[], T]) -> list[T]:
        """As many as a number from ``low`` to ``high`` says."""
        return [make() for _ in range(self.whole(low, high))]

    def few_of(self, values: Sequence[T], low: int, high: int) -> list[T]:
        """So many of them, none twice, in any order."""
        left = list(values)
        return self.some(low, min(high, len(values)), lambda: left.pop(self.whole(0, len(left) - 1)))


DICE = st.binary(min_size=N_BYTES, max_size=N_BYTES).map(Dice)

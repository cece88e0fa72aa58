"""Slots for adapters, and which adapters they hold."""

from __future__ import annotations

from collections.abc import Hashable


class Slots:
    """Adapters that are loaded, by when they were last used; those in use are at no place that matters."""

    def __init__(self, slots: int):
        self.slots = slots
        self.loaded: list[Hashable] = []
        self.loads = 0

    def fits(self, adapter: Hashable, in_use: set[Hashable]) -> bool:
        """Whether another request could run with its adapter, or with none, beside those in use."""
        return adapter is None or adapter in in_use or len(in_use) < self.slots

    def use(self, adapter: Hashable, in_use: set[Hashable]) -> int:
        """A request runs with it: how many have to be loaded for that, 0 or 1."""
        if adapter is None or adapter in self.loaded:
            return 0
        if len(self.loaded) == self.slots:
            self.loaded.remove(next(one for one in self.loaded if one not in in_use))
        self.loaded.append(adapter)
        self.loads += 1
        return 1

    def leave(self, adapter: Hashable) -> None:
        """It was used last of all."""
        if adapter is not None:
            self.loaded.remove(adapter)
            self.loaded.append(adapter)

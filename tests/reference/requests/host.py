"""Copies of blocks in the memory of a host, in the order in which they were last used."""

from __future__ import annotations

from collections.abc import Hashable


class Host:
    """Names of blocks; the first gives way to a new one when there is no room."""

    def __init__(self, blocks: int):
        self.blocks = blocks
        self.names: list[Hashable] = []
        self.written = 0

    def keep(self, name: Hashable) -> None:
        """A block has left the GPUs; names that are a request's own are known to nobody else, and not kept."""
        if isinstance(name, tuple) or not self.blocks:
            return
        if name in self.names:
            self.use([name])
            return
        self.written += 1
        if len(self.names) == self.blocks:
            self.names.pop(0)
        self.names.append(name)

    def find(self, names: list[Hashable]) -> list[Hashable]:
        """As many as there are, in a row."""
        found = []
        for name in names:
            if name not in self.names:
                break
            found.append(name)
        return found

    def use(self, names: list[Hashable]) -> None:
        """Some are the last used, of these the first."""
        for name in reversed(names):
            self.names.remove(name)
            self.names.append(name)

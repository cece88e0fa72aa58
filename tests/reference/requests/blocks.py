"""Blocks of KV cache as objects, each with what it holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

from tests.reference.requests.host import Host


@dataclass(eq=False)
class Block:
    """A block; free when nobody uses it."""

    name: Hashable = None
    users: int = 0


class Cache:
    """The blocks of an engine: a queue of free ones, and those that can be found."""

    def __init__(self, blocks: int, host: Host):
        self.host = host
        self.free = deque(Block() for _ in range(blocks))
        self.known: dict[Hashable, Block] = {}

    def take(self) -> Block:
        """The block that came free first; what it held is lost."""
        block = self.free.popleft()
        if self.known.get(block.name) is block:
            del self.known[block.name]
            self.host.keep(block.name)
        block.name, block.users = None, 1
        return block

    def give_back(self, blocks: list[Block]) -> None:
        """The last first."""
        for block in reversed(blocks):
            block.users -= 1
            if block.users == 0:
                self.free.append(block)

    def name(self, blocks: list[Block], names: list[Hashable], first: int) -> None:
        """Blocks from ``first`` on have become full: they can be found, but a copy and what is behind it."""
        for i in range(first, len(blocks)):
            if names[i] in self.known or (i > 0 and blocks[i - 1].name is None):
                return
            blocks[i].name = names[i]
            self.known[names[i]] = blocks[i]

    def rename(self, blocks: list[Block], names: list[Hashable], first: int) -> None:
        """The same for blocks that have other names, which are lost, behind those with these names."""
        for i in range(first, len(blocks)):
            if names[i] in self.known or (i > 0 and blocks[i - 1].name != names[i - 1]):
                return
            self.known.pop(blocks[i].name, None)
            blocks[i].name = names[i]
            self.known[names[i]] = blocks[i]

    def find(self, names: list[Hashable]) -> list[Block]:
        """Blocks of a beginning, as many as can be found in a row."""
        found = []
        for name in names:
            if name not in self.known:
                break
            found.append(self.known[name])
        return found

    def use(self, blocks: list[Block]) -> None:
        """Another request uses them."""
        for block in blocks:
            if block.users == 0:
                self.free.remove(block)
            block.users += 1

"""Faults of nodes that do not show: left by a repair, silently corrupting, or what makes a node fail more often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np


class Fault:
    """A fault until it shows or is found; ``find`` does what follows when a check finds it."""

    def __init__(self, find: Callable[[], object]):
        self._find = find
        self.is_hidden = True

    def find(self) -> None:
        """A check finds it."""
        self.is_hidden = False
        self._find()

    def shows(self) -> None:
        """It is no longer hidden."""
        self.is_hidden = False


class HiddenFaults:
    """The hidden faults of all nodes; a check finds each of them with probability ``finds``."""

    def __init__(self, finds: float, random: np.random.Generator):
        self._finds, self._random = finds, random
        self._of_node: defaultdict[int, list[Fault]] = defaultdict(list)

    def hide(self, nodes: Iterable[int], find: Callable[[], object]) -> Fault:
        """One more, of some nodes (rows): it is there until it is found, or somebody says that it is not hidden."""
        fault = Fault(find)
        for n in nodes:
            self._of_node[n].append(fault)
        return fault

    def happens(self, probability: float) -> bool:
        """Whether something happens that does with some probability."""
        return bool(self._random.random() < probability)

    def check(self, nodes: Iterable[int]) -> None:
        """Check some nodes: each of their faults is found or not, whichever of its nodes are checked."""
        there: dict[Fault, None] = {}
        for n in nodes:
            if n in self._of_node:
                self._of_node[n] = [fault for fault in self._of_node[n] if fault.is_hidden]
                there.update(dict.fromkeys(self._of_node[n]))
        for fault in [fault for fault in there if self.happens(self._finds)]:
            if fault.is_hidden:
                fault.find()

"""A job on all nodes of a fleet that checks them when it starts: every fault is followed from failure to failure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shows:
    """A failure of one node as it would be if nobody looked for it."""

    time_s: float
    node: int
    repair_s: float
    again: int | None  # which failure is the same fault, left by this one's repair


@dataclass
class Checked:
    """The nodes and their faults up to now."""

    failures: list[Shows]
    shows_s: dict[int, float]  # of those that are still to come
    back_s: list[float]  # of each node, when its last repair ends
    hidden: dict[int, float] = field(default_factory=dict)  # faults that a repair has left, and from when on

    def show(self, i: int, now: float) -> bool:
        """A fault shows, or is found: its node goes to repair if it is up, and the fault may be left in it, hidden
        until it shows again. Whether the node was up."""
        one = self.failures[i]
        is_up = self.back_s[one.node] <= now
        if is_up:
            self.back_s[one.node] = now + one.repair_s
        del self.shows_s[i]
        self.hidden.pop(i, None)
        if one.again is not None:
            self.hidden[one.again] = now + one.repair_s
        return is_up

    def find(self, now: float) -> bool:
        """A check finds all that is hidden, in the order in which it arose: what would show later comes earlier by as
        much. Whether there was any."""
        found = [i for since_s, i in sorted((since_s, i) for i, since_s in self.hidden.items()) if since_s <= now]
        for i in found:
            earlier_s = self.shows_s[i] - now
            self.show(i, now)
            later = self.failures[i].again
            while later is not None:
                self.shows_s[later] -= earlier_s
                later = self.failures[later].again
        return bool(found)


def stops_s(failures: list[Shows], n_nodes: int, check_s: float, end_s: float) -> list[float]:
    """When the job is stopped [s]: it starts when all nodes are up, and is checked ``check_s`` later."""
    fleet = Checked(failures, {i: one.time_s for i, one in enumerate(failures)}, [0.0] * n_nodes)
    start_s, stops, is_checked = 0.0, [], False
    while True:
        i = min(fleet.shows_s, key=fleet.shows_s.__getitem__, default=None)
        shows_s = math.inf if i is None else fleet.shows_s[i]
        check_at_s = math.inf if is_checked else start_s + check_s
        now = min(shows_s, check_at_s)
        if now >= end_s:
            return stops
        if now == shows_s:
            strikes = fleet.show(i, now)
        else:
            is_checked, strikes = True, fleet.find(now)
        if strikes:
            if start_s <= now:  # it ran, and waits for the last of the nodes from now on
                stops.append(now)
            start_s, is_checked = max(fleet.back_s), False

"""WAN links: transfers that share one go on alike, and all are looked at anew when anything changes."""

from __future__ import annotations

import simpy

from tests.reference.moment import CONTROL, Moment


class Inexact(Exception):
    """Three share a link: thirds are not exact in binary, and equality could not be asked for."""


class Link:
    """One link and what is left of each transfer."""

    def __init__(self, env: simpy.Environment):
        self.env, self.bytes_per_s = env, 0.0
        self.left: dict[simpy.Event, float] = {}
        self.since_s = 0.0
        self.plans = 0

    def set_rate(self, bytes_per_s: float) -> None:
        """What it carries in all from now on."""
        self._go_on()
        self.bytes_per_s = bytes_per_s
        self._plan()

    def send(self, size_bytes: float) -> simpy.Event:
        """The arrival of data that leave now."""
        self._go_on()
        arrival = self.env.event()
        self.left[arrival] = size_bytes
        if len(self.left) > 2:
            raise Inexact
        self._plan()
        return arrival

    def _go_on(self) -> None:
        for arrival in self.left:
            self.left[arrival] -= (self.env.now - self.since_s) * self.bytes_per_s / len(self.left)
        self.since_s = self.env.now
        for arrival in [arrival for arrival, left in self.left.items() if left <= 0]:
            del self.left[arrival]
            arrival.succeed()

    def _plan(self) -> None:
        self.plans += 1
        if self.left and self.bytes_per_s > 0:
            time_s = self.env.now + min(self.left.values()) * len(self.left) / self.bytes_per_s
            plan = self.plans
            Moment(self.env, time_s, CONTROL).callbacks.append(lambda _event: self._arrive(plan))

    def _arrive(self, plan: int) -> None:
        if plan == self.plans:
            self._go_on()
            self._plan()

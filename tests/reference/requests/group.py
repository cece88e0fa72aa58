"""Engines of which each step waits for the longest; often one alone."""

from __future__ import annotations

from collections.abc import Callable

from gpusim.serving.deployment import Deployment
from tests.reference.requests.engine import Engine
from tests.reference.requests.request import Request
from tests.reference.requests.step_time import step_time

Pace = Callable[[float], tuple[float, float]]
"""How many times as long a step takes that begins at a time: with prompts, and without."""


def unchanged(_time_s: float) -> tuple[float, float]:
    """As long as in the tables."""
    return 1.0, 1.0


class Group:
    """Plays its engines one step at a time.

    Attributes
    ----------
    slowed_s : float
        By which its steps, the one under way among them, were longer than without a pace.
    """

    def __init__(self, deployment: Deployment, make: Callable[[Deployment], Engine] = Engine, pace: Pace = unchanged):
        self.deployment, self.pace, self.slowed_s = deployment, pace, 0.0
        self.engines = [make(deployment) for _ in range(deployment.in_step)]
        self.now_s = self.began_s = float("-inf")
        self.flight: list[dict[Request, int]] = []
        self.flight_end_s = float("nan")

    def advance(self, until_s: float, begins: bool = False) -> None:
        """Steps that end by then end; none begins then, unless said."""
        while True:
            if self.flight:
                if self.flight_end_s > until_s:
                    return
                self.finish()
            if self.now_s > until_s or (self.now_s == until_s and not begins):
                return
            seen_s = self.began_s if self.deployment.scheduled_ahead else self.now_s
            for engine in self.engines:
                engine.note_queue(self.began_s, self.slowed_s)
                engine.look(seen_s)
            steps = [engine.schedule(seen_s, self.now_s) for engine in self.engines]
            news_s = self.news_s()
            if any(steps):
                parts = [engine.parts(step) for engine, step in zip(self.engines, steps)]
                took_s = step_time(self.deployment.step_times, parts)
                if self.deployment.speculation and any(not part.prompt for own in parts for part in own):
                    took_s += self.deployment.speculation.draft_s
                loads_s = [engine.load_s() for engine in self.engines]
                prompts = any(part.prompt for own in parts for part in own)
                plain_s, took_s = took_s, took_s * self.pace(self.now_s)[0 if prompts else 1]
                self.slowed_s += max([took_s, *loads_s]) - max([plain_s, *loads_s])
                took_s = max([took_s, *loads_s])
                took_s += max(engine.adapters_s() for engine in self.engines)
                self.flight, self.flight_end_s = steps, self.now_s + took_s
            elif self.began_s < self.now_s:
                self.began_s = self.now_s
            elif news_s < until_s or (news_s == until_s and begins):
                self.now_s = self.began_s = news_s
            else:
                return

    def news_s(self) -> float:
        """When something happens next of which a scheduler takes note."""
        return min(engine.news_s(self.now_s) for engine in self.engines)

    def finish(self) -> None:
        """The step under way ends."""
        self.began_s, self.now_s = self.now_s, self.flight_end_s
        for engine, step in zip(self.engines, self.flight):
            engine.finish(step, self.now_s)
            engine.note_slowed(self.now_s, self.slowed_s)
        self.flight = []

"""Engines of which each step waits for the longest; often one alone."""

from __future__ import annotations

from collections.abc import Callable

from gpusim.serving.deployment import Deployment
from tests.reference.requests.engine import Engine
from tests.reference.requests.request import Request
from tests.reference.requests.step_time import step_time


class Group:
    """Plays its engines one step at a time."""

    def __init__(self, deployment: Deployment, make: Callable[[Deployment], Engine] = Engine):
        self.deployment = deployment
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
                engine.look(seen_s)
            steps = [engine.schedule(seen_s, self.now_s) for engine in self.engines]
            news_s = self.news_s()
            if any(steps):
                parts = [engine.parts(step) for engine, step in zip(self.engines, steps)]
                took_s = step_time(self.deployment.step_times, parts)
                if self.deployment.speculation and any(not part.prompt for own in parts for part in own):
                    took_s += self.deployment.speculation.draft_s
                took_s = max([took_s, *(engine.load_s() for engine in self.engines)])
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
        self.flight = []

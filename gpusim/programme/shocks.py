"""Shocks drawn for one replication: how fast each kind of work goes, and what supplies give, over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import inf

from gpusim import rng
from gpusim.model.scenario import Scenario
from gpusim.model.shock import Shock
from gpusim.model.steps import Steps
from gpusim.programme.network import P90, Work
from gpusim.units import DAY_S, seconds_between


@dataclass(frozen=True)
class Window:
    """A shock that came."""

    name: str
    spec: Shock
    from_s: float
    to_s: float

    def hits(self, work: Work) -> bool:
        """Whether it is about this kind of work under this law, in this project."""
        if self.spec.projects and work.project not in self.spec.projects:
            return False
        return self.spec.kind == work.kind and self.spec.jurisdiction in (None, work.jurisdiction)


def drawn(scenario: Scenario, seed: int) -> list[Window]:
    """The shocks that come, each from a stream of its own, in the order of the file."""
    windows = []
    for name, spec in scenario.shocks.items():
        random = rng.stream(seed, "shock", name)
        comes, z = random.random() < spec.probability, random.standard_normal()
        from_s = seconds_between(scenario.run.start, spec.at)
        if spec.at_p90 is not None:
            from_s += float(z) * seconds_between(spec.at, spec.at_p90) / P90
        if comes:
            windows.append(Window(name, spec, from_s, inf if spec.days is None else from_s + spec.days * DAY_S))
    return windows


def end_s(work_s: float, start_s: float, windows: list[Window]) -> float:
    """[s] When a task of so much work ends that starts at ``start_s``: it goes on at the pace that the windows leave.

    Windows of durations divide the pace by their factor, a stop makes it 0.
    """
    now_s, left_s = start_s, work_s
    while True:
        open_ = [w for w in windows if w.from_s <= now_s < w.to_s]
        edges = [t for w in windows for t in (w.from_s, w.to_s) if t > now_s]
        until_s = min(edges, default=inf)
        slowdown = 1.0
        for window in open_:
            slowdown *= inf if window.spec.effect == "stop" else window.spec.factor
        if left_s * slowdown <= until_s - now_s or left_s == 0.0:
            return now_s + left_s * (slowdown if left_s else 1.0)
        left_s -= (until_s - now_s) / slowdown
        now_s = until_s


def changes(level: Steps, start: datetime, windows: list[Window]) -> list[tuple[float, float]]:
    """(time [s], level) of a supply from minus infinity on: its steps times the factors of the windows."""
    if isinstance(level.root, float):
        base = [(-inf, level.root)]
    else:
        base = [(-inf, 0.0), *sorted((step.time_s(start), step.value) for step in level.root)]
    times = {time_s for time_s, _value in base}
    times |= {t for w in windows for t in (w.from_s, w.to_s) if t < inf}
    found = []
    for time_s in sorted(times):
        value = [value for at_s, value in base if at_s <= time_s][-1]
        for window in windows:
            if window.from_s <= time_s < window.to_s:
                value *= window.spec.factor
        found.append((time_s, value))
    return found

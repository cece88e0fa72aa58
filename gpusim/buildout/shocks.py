"""Shocks drawn for one replication: how fast each kind of work goes, and what supplies give, over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import copysign, inf

from gpusim import rng
from gpusim.buildout.activity import NORMAL, P90, Activity
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.shock import Shock
from gpusim.scenario.steps import Steps
from gpusim.units import DAY_S, seconds_between


@dataclass(frozen=True)
class Window:
    """A shock that came."""

    name: str
    spec: Shock
    from_s: float
    to_s: float

    def hits(self, activity: Activity) -> bool:
        """Whether it is about this kind of work under this law, in this project."""
        if self.spec.projects and activity.project not in self.spec.projects:
            return False
        return self.spec.kind == activity.kind and self.spec.jurisdiction in (None, activity.jurisdiction)


def drawn(scenario: Scenario, seed: int, after_s: float = -inf) -> list[Window]:
    """The shocks that come, each from a stream of its own, in the order of the file.

    With ``after_s`` [s] those that come later, given that they have not come by then.
    """
    windows = []
    for name, spec in scenario.shocks.items():
        random = rng.stream(seed, "shock", name)
        uniform, z = random.random(), random.standard_normal()
        comes = uniform < spec.probability
        from_s = seconds_between(scenario.run.start, spec.at)
        spread_s = 0.0 if spec.at_p90 is None else seconds_between(spec.at, spec.at_p90) / P90
        if after_s > -inf:
            z0 = (after_s - from_s) / spread_s if spread_s else copysign(inf, after_s - from_s)
            later = NORMAL.cdf(-z0)
            still = 1.0 - spec.probability * (1.0 - later)  # that it has not come yet
            comes, z = uniform * still < spec.probability * later, above(z, z0)
        if spread_s:
            from_s += float(z) * spread_s
        if comes:
            windows.append(Window(name, spec, from_s, inf if spec.days is None else from_s + spec.days * DAY_S))
    return windows


def above(z: float, z0: float) -> float:
    """A standard normal draw made one that is greater than ``z0``: at the same quantile of what is left."""
    left = NORMAL.cdf(-z) * NORMAL.cdf(-z0)
    return max(z0, -NORMAL.inv_cdf(left)) if left > 0.0 else z0


def done_s(start_s: float, until_s: float, windows: list[Window]) -> float:
    """[s] Work done between two times, at the pace that the windows leave."""
    inner = {t for w in windows for t in (w.from_s, w.to_s) if start_s < t < until_s}
    return sum((b - a) / slowdown_at(a, windows) for a, b in pairwise(sorted({start_s, until_s, *inner})))


def end_s(work_s: float, start_s: float, windows: list[Window]) -> float:
    """[s] When a task of so much work ends that starts at ``start_s``: it goes on at the pace that the windows leave.

    Windows of durations divide the pace by their factor, a stop makes it 0.
    """
    now_s, left_s = start_s, work_s
    while True:
        edges = [t for w in windows for t in (w.from_s, w.to_s) if t > now_s]
        until_s, slowdown = min(edges, default=inf), slowdown_at(now_s, windows)
        if left_s * slowdown <= until_s - now_s or left_s == 0.0:
            return now_s + left_s * (slowdown if left_s else 1.0)
        left_s -= (until_s - now_s) / slowdown
        now_s = until_s


def slowdown_at(now_s: float, windows: list[Window]) -> float:
    """How many times as long work takes at a time."""
    slowdown = 1.0
    for window in windows:
        if window.from_s <= now_s < window.to_s:
            slowdown *= inf if window.spec.effect == "stop" else window.spec.factor
    return slowdown


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

"""The build-out, slow and obvious: a list of running tasks, looked through whenever something may happen.

Written from ``docs/build_out.md``, without SimPy.
"""

from __future__ import annotations

from math import exp, inf, log
from types import SimpleNamespace

from scipy.stats import norm

from gpusim import rng
from gpusim.scenario.scenario import Scenario

DAY_S, MONTH_S = 86_400.0, 30.4375 * 86_400.0
NEAR = 1e-7  # units of a stock that count as there


class Twin:
    """Plays a scenario's projects.

    Attributes
    ----------
    starts, ends : dict of (project, task) to float
        [s] Infinite: never.
    there : dict of (project, component) to float
        [s] Arrivals.
    """

    def __init__(self, scenario: Scenario, seed: int):
        self.scenario, self.seed = scenario, seed
        self.tasks = [(p, t) for p, project in scenario.projects.items() for t in project.tasks]
        self.starts, self.ends = dict.fromkeys(self.tasks, inf), dict.fromkeys(self.tasks, inf)
        self.there: dict[tuple[str, str], float] = {}
        self.running: dict[tuple[str, str], float] = {}
        self.line: dict[tuple[str, str], float] = {}  # asked, not granted: since when
        self.over: set[tuple[str, str]] = set()  # stand-ins that nobody needs
        self.windows = self._windows()
        self.stock = {n: s.at_start if s.kind == "stock" else 0.0 for n, s in scenario.supplies.items()}
        self.orders = self._orders()  # (rival, number): when, what
        self.got: dict[tuple, float] = {}  # what rivals received, (rival, number, "order" or "again")
        self.left: set[tuple] = set()  # what they cancelled
        self.paid: dict[tuple, float] = {}  # what they paid for, since when
        self.held: dict[tuple, float] = {}  # what they hold of crews, until when
        self.plan = {place: self._planned(place) for place in self.tasks}

    def _spec(self, place):
        if len(place) == 3:
            order = self.orders[place[:2]]
            share = self.scenario.rivals[place[0]].reaction.again if place[2] == "again" else 1.0
            return SimpleNamespace(supply=order.supply, units=order.units * share)
        return self.scenario.projects[place[0]].tasks[place[1]]

    def _since_start(self, moment) -> float:
        return (moment - self.scenario.run.start).total_seconds()

    # The plan: recursion.

    def _before(self, place) -> list[tuple[str, str]]:
        """(project, task or component) of ``after``."""
        found = []
        for text in self._spec(place).after:
            own = text in self.scenario.projects[place[0]].tasks or text in ("gpus", "halls", "grid")
            found.append((place[0], text) if own else tuple(text.split(".", 1)))
        return found

    def _planned_start(self, place) -> float:
        earliest = self._since_start(self.scenario.projects[place[0]].start)
        return max([earliest, *(self._planned(before) for before in self._before(place))])

    def _planned(self, place) -> float:
        if place[1] in ("gpus", "halls", "grid"):
            tasks = self.scenario.projects[place[0]].tasks
            return min(
                self._planned((place[0], t)) for t, s in tasks.items() if s.gives == place[1] and s.when == "always"
            )
        return self._planned_start(place) + self._spec(place).median_days * DAY_S

    # Draws.

    def _windows(self):
        windows = []
        for name, shock in self.scenario.shocks.items():
            random = rng.stream(self.seed, "shock", name)
            comes, z = random.random() < shock.probability, random.standard_normal()
            at = self._since_start(shock.at)
            if shock.at_p90 is not None:
                at += z * (self._since_start(shock.at_p90) - at) / norm.ppf(0.9)
            if comes:
                windows.append((shock, at, inf if shock.days is None else at + shock.days * DAY_S))
        return windows

    def _work_s(self, place) -> float:
        spec = self._spec(place)
        if spec.p90_days is None or spec.p90_days == spec.median_days:
            return spec.median_days * DAY_S
        law, kind = self.scenario.delays, spec.kind or place[1]
        region = self.scenario.sites[self.scenario.projects[place[0]].site].region
        parts = [
            (law.same_region, ("delay", "region", region)),
            (law.same_trade, ("delay", "trade", kind)),
            (1.0 - law.same_region - law.same_trade, ("programme", *place)),
        ]
        z = sum(share**0.5 * rng.stream(self.seed, *name).standard_normal() for share, name in parts)
        if law.tail_index and norm.sf(z) < 0.1:
            return spec.p90_days * DAY_S * (0.1 / norm.sf(z)) ** (1.0 / law.tail_index)
        return spec.median_days * DAY_S * exp(z * log(spec.p90_days / spec.median_days) / norm.ppf(0.9))

    def _orders(self) -> dict:
        """Orders one by one: the time at which the growing rate has had as many as the unit exponentials say."""
        orders = {}
        for name, rival in self.scenario.rivals.items():
            begin = self._since_start(rival.start) if rival.start else 0.0
            end = self._since_start(rival.end) if rival.end else self.scenario.run.days * DAY_S
            for supply, spec in rival.orders.items():
                gaps, sizes, coins = (
                    rng.stream(self.seed, "rival", name, supply, w) for w in ("times", "units", "coins")
                )
                count, growth = 0.0, log(1.0 + rival.growth_per_year) / (365.25 * DAY_S)
                while spec.per_month > 0.0:
                    count += gaps.exponential()
                    months = count / spec.per_month * MONTH_S
                    left = 1.0 + growth * months
                    if left <= 0.0:
                        break
                    at = begin + (months if growth == 0.0 else log(left) / growth)
                    if at > end:
                        break
                    units = spec.units
                    if spec.units_p90 is not None:
                        units *= exp(sizes.standard_normal() * log(spec.units_p90 / spec.units) / norm.ppf(0.9))
                    orders[name, (supply, len(orders))] = SimpleNamespace(
                        at=at, supply=supply, units=units, coin=coins.random()
                    )
        return orders

    # Paces and levels.

    def _done(self, place, start: float, until: float) -> float:
        """[s] Work done between two times, at the pace that shocks leave."""
        spec, law = self._spec(place), self.scenario.sites[self.scenario.projects[place[0]].site].jurisdiction
        hits = [
            w for w in self.windows
            if w[0].kind == (spec.kind or place[1]) and w[0].jurisdiction in (None, law)
        ]  # fmt: skip
        cuts = sorted({start, until, *(t for w in hits for t in w[1:] if start < t < until)})
        done = 0.0
        for a, b in zip(cuts, cuts[1:], strict=False):
            pace = 1.0
            for shock, from_s, to_s in hits:
                if from_s <= a < to_s:
                    pace *= 0.0 if shock.effect == "stop" else 1.0 / shock.factor
            done += pace * (b - a)
        return done

    def _end(self, place, start: float, work: float) -> float:
        if not any(w[0].kind == (self._spec(place).kind or place[1]) for w in self.windows):
            return start + work
        low, high = start, start + 1.0
        while self._done(place, start, high) < work:
            high = start + 2.0 * (high - start)
        for _ in range(100):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._done(place, start, middle) < work else (low, middle)
        return high

    def _level(self, name: str, now: float) -> float:
        """Units at a time, or per month."""
        supply, level = self.scenario.supplies[name], 0.0
        steps = supply.units if supply.kind == "crew" else supply.per_month
        if isinstance(steps.root, float):
            level = steps.root
        else:
            past = [step for step in steps.root if step.time_s(self.scenario.run.start) <= now]
            level = max(past, key=lambda step: step.time_s(self.scenario.run.start)).value if past else 0.0
        for shock, from_s, to_s in self.windows:
            if shock.supply == name and from_s <= now < to_s:
                level *= shock.factor
        return level

    def _supply_times(self) -> list[float]:
        times = [t for shock, *window in self.windows if shock.supply for t in window]
        for supply in self.scenario.supplies.values():
            steps = supply.units if supply.kind == "crew" else supply.per_month
            if not isinstance(steps.root, float):
                times += [step.time_s(self.scenario.run.start) for step in steps.root]
        return times

    # The course of things.

    def play(self) -> Twin:
        starts = [self._since_start(project.start) for project in self.scenario.projects.values()]
        now = min([0.0, *starts])
        self.orders = {place: order for place, order in self.orders.items() if order.at >= now}
        for name, supply in self.scenario.supplies.items():
            if supply.most is not None and supply.kind == "stock":
                self.stock[name] = min(self.stock[name], supply.most)
        while now < inf:
            self._give_back(now)
            while self._ends(now) or self._asks(now) or self._rivals(now) or self._called(now) or self._served(now):
                pass
            following = min(self._next(now, starts), default=inf)
            self._grow(now, following)
            now = following
        return self

    def _next(self, now: float, starts: list[float]):
        for time in (*self.running.values(), *starts, *self._supply_times(), *self._calls(), *self._rival_times()):
            if time > now:
                yield time
        for name in self.scenario.supplies:
            first, level = self._first(name), self._level(name, now)
            if first is not None and self.scenario.supplies[name].kind == "stock" and level > 0.0:
                lacking = self._spec(first).units - self.stock[name]
                if lacking > NEAR:
                    yield now + lacking * MONTH_S / level

    def _calls(self) -> list[float]:
        """Times at which stand-ins are called."""
        late = [place for place in self.tasks if self._spec(place).when == "late"]
        return [self._called_s(place) for place in late]

    def _called_s(self, place) -> float:
        return self._planned((place[0], self._spec(place).gives)) + self._spec(place).late_days * DAY_S

    def _grow(self, now: float, until: float) -> None:
        for name, supply in self.scenario.supplies.items():
            if supply.kind == "stock" and until < inf:
                first = self._first(name)
                room = max(inf if supply.most is None else supply.most, self._spec(first).units if first else 0.0)
                grown = min(self.stock[name] + self._level(name, now) * (until - now) / MONTH_S, room)
                self.stock[name] = max(self.stock[name], grown)

    def _ends(self, now: float) -> bool:
        over = [place for place, end in self.running.items() if end <= now]
        for place in over:
            self.ends[place] = self.running.pop(place)
            gives = self._spec(place).gives
            if gives and (place[0], gives) not in self.there:
                self.there[place[0], gives] = now
                for other in [
                    p for p in self.line if len(p) == 2 and p[0] == place[0] and self._spec(p).when == "late"
                ]:
                    if self._spec(other).gives == gives:
                        del self.line[other]
                        self.over.add(other)
        return bool(over)

    # Rivals.

    def _rival_times(self) -> list[float]:
        waits = {n: (r.reaction.wait_days or 0.0) * DAY_S for n, r in self.scenario.rivals.items()}
        times = [t for place, order in self.orders.items() for t in (order.at, order.at + waits[place[0]])]
        return [*times, *self.held.values()]

    def _give_back(self, now: float) -> None:
        self.held = {place: until for place, until in self.held.items() if until > now}

    def _rivals(self, now: float) -> bool:
        """Orders that fall due, and what is done about those that wait."""
        acted = False
        for key, order in self.orders.items():
            place, again = (*key, "order"), (*key, "again")
            reaction = self.scenario.rivals[key[0]].reaction
            if order.at == now and place not in self.line and place not in self.got:
                self.line[place] = now
                acted = True
            if reaction.wait_days is None or now != order.at + reaction.wait_days * DAY_S or place not in self.line:
                continue
            if reaction.priority and place not in self.paid:
                self.line[place] = self.paid[place] = now
                acted = True
            if reaction.again and again not in {*self.line, *self.got, *self.left}:
                self.line[again] = now
                self.paid |= {again: now} if reaction.priority else {}
                acted = True
        return acted

    def _receive(self, place, now: float) -> None:
        rival, number, kind = place
        other, spec = (rival, number, "again" if kind == "order" else "order"), self.scenario.rivals[rival]
        self.got[place] = now
        if other in self.line and self.orders[rival, number].coin < spec.reaction.cancels:
            del self.line[other]
            self.left.add(other)
        if self.scenario.supplies[number[0]].kind == "crew":
            self.held[place] = now + spec.orders[number[0]].held_days * DAY_S

    def _place_in_line(self, place) -> tuple:
        if len(place) == 2:
            return -self.scenario.projects[place[0]].priority, self.line[place], self.tasks.index(place)
        spec = self.scenario.rivals[place[0]]
        priority = spec.priority + (spec.reaction.priority if place in self.paid else 0)
        return -priority, self.line[place], len(self.tasks) + (place[2] == "again")

    def _is_ready(self, place, now: float) -> bool:
        if self.starts[place] < inf or place in self.line or place in self.over:
            return False
        if now < self._since_start(self.scenario.projects[place[0]].start):
            return False
        return all(self.there.get(b, self.ends.get(b, inf)) <= now for b in self._before(place))

    def _asks(self, now: float) -> bool:
        ready = [p for p in self.tasks if self._spec(p).when == "always" and self._is_ready(p, now)]
        for place in ready:
            self._ask(place, now)
        return bool(ready)

    def _called(self, now: float) -> bool:
        """Stand-ins come behind everything else of an instant."""
        for place in self.tasks:
            spec = self._spec(place)
            if spec.when == "late" and self._is_ready(place, now) and now >= self._called_s(place):
                if (place[0], spec.gives) in self.there:
                    self.over.add(place)
                else:
                    self._ask(place, now)
                return True
        return False

    def _ask(self, place, now: float) -> None:
        if self._spec(place).supply is None:
            self._begin(place, now)
        else:
            self.line[place] = now

    def _first(self, name: str):
        mine = [p for p in self.line if self._spec(p).supply == name]
        return min(mine, default=None, key=self._place_in_line)

    def _served(self, now: float) -> bool:
        served = False
        for name, supply in self.scenario.supplies.items():
            while (first := self._first(name)) is not None:
                free = self.stock[name]
                if supply.kind == "crew":
                    free = self._level(name, now) - sum(
                        self._spec(p).units for p in (*self.running, *self.held) if self._spec(p).supply == name
                    )
                if free < self._spec(first).units - NEAR:
                    break
                if supply.kind == "stock":
                    self.stock[name] -= self._spec(first).units
                del self.line[first]
                self._receive(first, now) if len(first) == 3 else self._begin(first, now)
                served = True
        return served

    def _begin(self, place, now: float) -> None:
        spec, work = self._spec(place), self._work_s(place)
        planned = self._planned_start(place)
        if spec.when == "late":
            planned = max(planned, self._called_s(place))
        due = planned + spec.median_days * DAY_S
        if spec.expedite.factor < 1.0 and now - planned > spec.expedite.late_days * DAY_S:
            work *= spec.expedite.factor
        self.starts[place] = now
        done = self._end(place, now, work)
        early = max(due - done, 0.0)
        self.running[place] = done + early - self.scenario.delays.early_share * early

"""Contracts served day by day in plain Python: GPU by GPU, cent fractions exact. All moments are whole days."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property


@dataclass
class Deal:
    """A contract; days since the start of the run, GPUs, prices in USD."""

    name: str
    signed: int
    steps: list[tuple[int, int]]
    end: int
    allowed: set[str]  # pools
    priority: int = 0
    grace: int = 0
    after_late: int | None = None
    after_days: int | None = None
    terminates: str = "all"
    price: Fraction = Fraction(2)
    top: Fraction = Fraction(1)
    utilisation: Fraction = Fraction(1)
    credit: Fraction = Fraction(0)
    # What comes of it.
    left_on: int | None = None
    cut: int = 0
    met: dict[int, int] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)
    delivered: list[int] = field(default_factory=list)
    in_force: list[int] = field(default_factory=list)
    overdue: list[int] = field(default_factory=list)

    def level(self, day: int) -> int:
        """Committed in all."""
        if day >= self.end:
            return 0
        return next((gpus for at, gpus in reversed(sorted(self.steps)) if max(at, 0) <= day), 0)

    def wants(self, day: int) -> int:
        return 0 if self.left_on is not None else max(0, self.level(day) - self.cut)

    def owed(self, day: int) -> int:
        """What should be there, grace or not."""
        if self.left_on is not None:
            return 0
        return max(0, min(self.level(d) if d >= 0 else 0 for d in range(day - self.grace, day + 1)) - self.cut)

    @cached_property
    def milestones(self) -> list[tuple[int, int]]:
        """(day due, GPUs) of the steps up."""
        days = range(0, max(self.end, 0))
        return [(d, self.level(d)) for d in days if self.level(d) > (self.level(d - 1) if d else 0)]


def serve(deals: list[Deal], live: dict[str, list[tuple[int, int]]], days: int) -> list[tuple[str, int]]:
    """Play the days; (contract, day) of terminations. The deals come back in the order of service."""
    deals.sort(key=lambda deal: (-deal.priority, max(deal.signed, 0), deal.name))
    gone = []
    for day in range(days):
        pools = {name: next((g for at, g in reversed(steps) if at <= day), 0) for name, steps in live.items()}
        while True:
            got = match(deals, pools, day)
            leaver = next((deal for deal in deals if _leaves(deal, day, got[deal.name])), None)
            if leaver is None:
                break
            gone.append((leaver.name, day))
            _end(leaver, day, got[leaver.name])
        for deal in deals:
            deal.delivered.append(got[deal.name])
            deal.in_force.append(deal.wants(day))
            deal.overdue.append(max(0, deal.owed(day) - got[deal.name]))
            for j, target in _open(deal, day):
                if got[deal.name] >= min(target, deal.wants(day)):
                    deal.met[j] = day
    return gone


def match(deals: list[Deal], pools: dict[str, int], day: int) -> dict[str, int]:
    """GPUs of each contract: one GPU after the other finds its place, others making way (Kuhn 1955)."""
    slots = [(pool, i) for pool, gpus in pools.items() for i in range(gpus)]
    holder: dict[tuple[str, int], Deal] = {}

    def place(deal: Deal, seen: set) -> bool:
        for slot in slots:
            if slot[0] in deal.allowed and slot not in seen:
                seen.add(slot)
                if slot not in holder or place(holder[slot], seen):
                    holder[slot] = deal
                    return True
        return False

    return {deal.name: sum(place(deal, set()) for _ in range(deal.wants(day))) for deal in deals}


def _open(deal: Deal, day: int) -> list[tuple[int, int]]:
    if deal.left_on is not None or day >= deal.end:
        return []
    return [
        (j, target)
        for j, (due, target) in enumerate(deal.milestones)
        if due <= day and j not in deal.met and j not in deal.given_up
    ]


def _leaves(deal: Deal, day: int, got: int) -> bool:
    missed = {j for j, target in _open(deal, day) if got < min(target, deal.wants(day))}
    due = [due for due, _target in deal.milestones]
    for j in missed:
        if deal.after_days is not None and day == due[j] + deal.after_days:
            return True
        late = [
            i
            for i in range(len(due))
            if due[i] + deal.grace <= day
            and (i in missed or i in deal.given_up or deal.met.get(i, -1) > due[i] + deal.grace)
        ]
        if deal.after_late is not None and day == due[j] + deal.grace and len(late) >= deal.after_late:
            return True
    return False


def _end(deal: Deal, day: int, got: int) -> None:
    if deal.terminates == "all":
        deal.left_on = day
        return
    late = [
        j
        for j, target in _open(deal, day)
        if deal.milestones[j][0] + deal.grace <= day and got < min(target, deal.wants(day))
    ]
    deal.cut += max(0, deal.owed(day) - got)
    deal.given_up.update(late)


def bill(deal: Deal, days: range) -> dict[str, Fraction]:
    """GPU-hours and USD of a month."""
    delivered = 24 * sum(deal.delivered[day] for day in days)
    used = deal.utilisation * delivered
    hours = max(used, deal.top * delivered)
    return {
        "committed": Fraction(24 * sum(deal.in_force[day] for day in days)),
        "delivered": Fraction(delivered),
        "used": used,
        "billed": hours,
        "billed_usd": hours * deal.price,
        "undelivered_usd": 24 * sum(deal.in_force[day] - deal.delivered[day] for day in days) * deal.price,
        "credit_usd": 24 * sum(deal.overdue[day] for day in days) * deal.price * deal.credit,
    }


def backlog(deal: Deal, day: int) -> Fraction:
    """[USD] Value of all that is committed from the end of a day on, as known then."""
    if deal.signed > day:
        return Fraction(0)
    return 24 * deal.price * sum(deal.wants(d) for d in range(day + 1, max(deal.end, day + 1)))

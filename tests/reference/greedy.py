"""GPUs to the first in the order, whoever holds them: all jobs of a pool sorted anew in every pass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Order, Status, Wait
from tests.reference.case import DRAWS
from tests.reference.moment import PROMISES, Moment
from tests.reference.queueing import KEYS
from tests.reference.world import Job, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class Greedy:
    """What each job has had so far, and passes that go by it."""

    def __init__(self, simulator: Simulator):
        self.simulator, self.env, self.rules = simulator, simulator.env, simulator.rules
        self.run_s = dict.fromkeys(simulator.jobs, 0.0)
        self.before = dict.fromkeys(simulator.jobs, 0.0)  # service before it began anew
        self.level = dict.fromkeys(simulator.jobs, 0)
        self.spell = dict.fromkeys(simulator.jobs, 0)  # of waiting, or of running

    # What it is told -------------------------------------------------------------------------------------------------

    def started(self, job: Job) -> None:
        """A run begins: its levels to come are known."""
        spell = self._begin_spell(job)
        for level, limit in enumerate(self.rules.levels.limits, start=1):
            at_s = job.start_s + ((limit + self.before[job]) / self._speed(job) - self.run_s[job])
            if level > self.level[job]:
                self._at(max(at_s, self.env.now), spell, job, lambda level=level: max(level, self.level[job]))

    def stopped(self, job: Job) -> None:
        """A run is over."""
        self.run_s[job] += self.env.now - job.start_s

    def queued(self, job: Job) -> None:
        """A job waits from now on."""
        spell = self._begin_spell(job)
        self.level[job] = self._level(job)
        promote = self.rules.levels.promote
        if self.level[job] > 0 and not math.isinf(promote):
            served_s = self.run_s[job] - self.before[job] / self._speed(job)
            self._at(self.env.now + promote * served_s, spell, job, lambda: self._begin_anew(job))

    def _begin_spell(self, job: Job) -> int:
        self.spell[job] += 1
        return self.spell[job]

    def _at(self, time_s: float, spell: int, job: Job, level) -> None:
        def change(_event) -> None:
            if self.spell[job] == spell and job.status in (Status.QUEUED, Status.RUNNING):
                before, self.level[job] = self.level[job], level()
                if self._changes_places(job, before):
                    self.simulator.passes.call(job.pool)

        Moment(self.env, time_s, PROMISES).callbacks.append(change)

    def _changes_places(self, job: Job, before: int) -> bool:
        """Whether one that waits comes before a running job that came before it, or anew with a key of its own."""
        if job.status == Status.QUEUED:
            return True
        keys = self.rules.levels.keys
        return self.rules.order == Order.SERVICE and any(
            keys[before] <= self._key(other) < keys[self.level[job]] for other in job.pool.waiting
        )

    def _begin_anew(self, job: Job) -> int:
        self.before[job] = self.run_s[job] * self._speed(job)
        return 0

    def _speed(self, job: Job) -> int:
        return job.gpus if self.rules.levels.by_gpus else 1

    def _level(self, job: Job) -> int:
        """That of one that runs changes when the next falls due, as rounded, not when it is summed up."""
        served = self.run_s[job] * self._speed(job) - self.before[job]
        due = sum(served >= limit for limit in self.rules.levels.limits)
        return max(self.level[job], 0 if job.status == Status.RUNNING else due)

    # Passes ----------------------------------------------------------------------------------------------------------

    def _key(self, job: Job) -> float:
        order, now = self.rules.order, self.env.now
        runs = job.status == Status.RUNNING
        if order == Order.SERVICE:
            return self.rules.levels.keys[self._level(job)]
        if order == Order.REMAINING:
            return self._end_without_cap_s(job) if runs else now + job.expected_wall_s(job.pool)
        if order == Order.REMAINING_GPU:
            return job.gpus * (self._end_without_cap_s(job) - now if runs else job.expected_wall_s(job.pool))
        return KEYS[self.rules.key](job)

    def _end_without_cap_s(self, job: Job) -> float:
        """When a running job ends by its estimate if it is not capped from now on."""
        end_s, now = job.estimated_end_s(), self.env.now
        return end_s if job.cap == 0 else now + (end_s - now) * DRAWS[job.cap] ** job.kind.cap_exponent

    def play(self, pool: Pool) -> None:
        """One pass."""
        left = pool.free + sum(job.held(pool.size) for job in pool.running if job.spec.preemptible)
        gets, loses = [], []
        for job in sorted([*pool.running, *pool.waiting], key=lambda job: (self._key(job), not job.nodes, job.row)):
            held = job.held(pool.size)
            if job.nodes and not job.spec.preemptible:
                continue
            if held > left:
                loses += [job] if job.nodes else []
            elif job.nodes or not self.simulator.exceeds_quota(job):
                left -= held
                gets += [] if job.nodes else [job]
        for job in loses:
            self.simulator.evict(job)
        for job in sorted(gets, key=lambda job: -job.gpus):
            nodes = self.simulator.find(job)
            if nodes is not None and not self.simulator.exceeds_quota(job) and self.simulator.has_power(job):
                self.simulator.start(job, nodes)
        pool.changed = False
        self._learn(pool)

    def _learn(self, pool: Pool) -> None:
        """All wait for what the first of them lacks, or else because others shall have it, but for quotas."""
        queue = sorted(pool.waiting, key=lambda job: (self._key(job), job.row))
        refused = [job for job in queue if self.simulator.exceeds_quota(job)]
        head = next((job for job in queue if job not in refused), None)
        waiting = self.simulator.waiting
        waiting.learn(pool, head, waiting.lack_or(head, Wait.POLICY), {job.spec.tenant for job in refused})

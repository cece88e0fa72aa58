"""The pass under conservative backfill: reservations are kept, made anew where broken, and moved up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Wait
from tests.reference import conservative, preemption
from tests.reference.moment import PROMISES, Moment
from tests.reference.queueing import Queue
from tests.reference.world import Job, Node, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class ConservativePass:
    """Over one pool at a time, beside the reservations of all."""

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        self.env, self.case, self.rules = simulator.env, simulator.case, simulator.rules

    def play(self, pool: Pool, answer: list[Job] | None) -> None:
        """Start who is due, then give every job, in order, the earliest start beside all others."""
        now = self.env.now
        for other in self._plan().broken(pool):
            other.changed = other.changed or (other is not pool and bool(other.waiting))
        for job in pool.waiting:
            if answer is not None and job not in answer:
                job.promise = None
        for job in sorted(pool.waiting, key=lambda job: job.row):
            if job.promise is not None and job.promise.start_s == now:
                self.simulator.start(job, job.promise.nodes)
        if self.rules.preempts:
            self._start_heads(pool, answer)
        queue = Queue(pool, self.rules, self.case.shares, lambda _job: False, answer)
        while (job := queue.next()) is not None:
            queue.pass_over(job)
            found = self._plan().earliest(job)
            if found is not None and (job.promise is None or found[0] < job.promise.start_s):
                self._promise(job, *found)
        self._learn(pool, answer)

    def _learn(self, pool: Pool, answer: list[Job] | None) -> None:
        """Who waits first waits for what it lacks now; if nothing, what is free was promised to others."""
        queue = Queue(pool, self.rules, self.case.shares, self.simulator.exceeds_quota, answer)
        head, waiting = queue.next(), self.simulator.waiting
        refused = waiting.refused(pool) if answer is None else queue.left_out
        waiting.learn(pool, head, waiting.lack_or(head, Wait.BUSY), refused)

    def _start_heads(self, pool: Pool, answer: list[Job] | None) -> None:
        queue = Queue(pool, self.rules, self.case.shares, self.simulator.exceeds_quota, answer)
        while (head := queue.next()) is not None:
            found = self._plan().earliest(head)
            if found is not None and found[0] == self.env.now:
                self.simulator.start(head, found[1])
                continue
            may = self._plan().has_power(head) and not preemption.spans_domains(head, pool)
            nodes = self.simulator.make_way(head) if may else None
            if nodes is None:
                return
            conservative.void(pool)
            self.simulator.start(head, nodes)

    def _promise(self, job: Job, start_s: float, nodes: list[Node]) -> None:
        if start_s == self.env.now:
            self.simulator.start(job, nodes)
            return
        promise = job.promise = conservative.Promise(start_s, nodes)
        job.promised_s = start_s if job.promised_s is None else job.promised_s
        Moment(self.env, start_s, PROMISES).callbacks.append(lambda _event: self._due(job, promise))

    def _due(self, job: Job, promise: conservative.Promise) -> None:
        """Call a pass for a promise that can be kept now."""
        if job.promise is promise:
            if self._plan().is_there(job):
                self.simulator.passes.call(job.pool)
            else:
                job.pool.is_late = True

    def _plan(self) -> conservative.Plan:
        return conservative.Plan(self.case, self.simulator.sites, self.simulator.pools, self.env.now)

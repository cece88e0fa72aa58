"""Scheduling passes: when one is made, and what it does without backfill and under EASY."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Backfill, Status
from tests.reference import easy
from tests.reference.conservative_pass import ConservativePass
from tests.reference.moment import PASSES, Moment
from tests.reference.power import job_w
from tests.reference.queueing import Queue
from tests.reference.redispatch import Moves
from tests.reference.world import Job, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class Passes:
    """The passes of all pools."""

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        self.env, self.case, self.rules = simulator.env, simulator.case, simulator.rules
        self.pools, self.sites = simulator.pools, simulator.sites
        self.arrived: list[Job] = []  # since the last passes
        self.is_due = False

    def call(self, pool: Pool, gave_back: bool = False) -> None:
        """Something changed in a pool: it has a pass at this instant, or at the next cycle."""
        pool.changed = True
        pool.gave_back |= gave_back
        if not self.is_due and self.case.cycle_s is None:
            self.is_due = True
            Moment(self.env, self.env.now, PASSES).callbacks.append(lambda _event: self.run())

    def run(self) -> None:
        """Passes and moves until nothing more changes."""
        moves = Moves(self.simulator)
        while True:
            while any(pool.changed for pool in self.pools):  # an eviction in a pass calls for another
                for pool in self.pools:
                    if pool.changed:
                        self._play_pass(pool)
            if not moves.start_one():
                break
        self.is_due = False  # who is turned away may have been promised what others now get, at this instant
        for pool in self.pools:
            self.turn_away(pool)
        self.arrived = []

    def _play_pass(self, pool: Pool) -> None:
        gave_back, pool.changed, pool.gave_back = pool.gave_back, False, False
        self.play(pool)
        if gave_back and not pool.waiting:
            pool.is_open = True

    def play(self, pool: Pool, answer: list[Job] | None = None) -> None:
        """One pass over a pool, by the rules' order or the answer of a policy."""
        if self.rules.backfill == Backfill.CONSERVATIVE:
            ConservativePass(self.simulator).play(pool, answer)
            return
        if self.rules.greedy:
            self.simulator.greedy.play(pool)
            return
        before = pool.reservation, pool.reservation and pool.reservation.shadow_s, pool.claim
        queue = Queue(pool, self.rules, self.case.shares, self.simulator.exceeds_quota, answer)
        while (head := queue.next()) is not None:
            nodes = self.simulator.find(head)
            if nodes is None and self.rules.preempts and self.simulator.has_power(head):
                nodes = self.simulator.make_way(head)
            if nodes is None or not self.simulator.has_power(head):
                break
            pool.reservation = None
            self.simulator.start(head, nodes)
        if pool.reservation is not None and pool.reservation.head is not head:
            pool.reservation = None
        pool.claim = None
        wait = head and self.simulator.waiting.lack(head)
        if head is not None and self.rules.backfill == Backfill.EASY:
            self._easy(pool, queue, head)
        elif head is not None and self.rules.backfill == Backfill.NONE and self.simulator.find(head) is not None:
            pool.claim = head
        waiting = self.simulator.waiting
        waiting.learn(pool, head, wait, waiting.refused(pool) if answer is None else queue.left_out)
        self._tell(pool, *before)

    def _easy(self, pool: Pool, queue: Queue, head: Job) -> None:
        now, kept, others = self.env.now, pool.reservation, self.simulator.load(pool, own=False)
        w = job_w(head, pool) * others.power.overhead
        if self.simulator.find(head) is not None:  # it lacks power: all nodes are kept, until enough is given back
            pool.reservation = easy.Reservation(
                head, others.earliest_s(head, pool, now), pool.nodes, nodes_s=now, of_power=True
            )
        elif (
            kept is None
            or pool.unsettled
            or kept.shadow_s <= now + 1
            or kept.shadow_s != kept.nodes_s  # it hangs on power
            or (not math.isinf(kept.shadow_s) and w > max(0, others.headroom_w(kept.shadow_s)))
        ):
            pool.reservation = easy.reserve(
                head, pool, now, self.simulator.asks(head), lambda from_s: others.earliest_s(head, pool, from_s)
            )
        pool.unsettled = False
        reservation = pool.reservation
        queue.pass_over(head)
        while (job := queue.next()) is not None:
            queue.pass_over(job)
            nodes = reservation.place(
                job, pool, now, self.rules.placement, self.simulator.asks(job), self.simulator.scored
            )
            if nodes is not None and self.simulator.has_power(job, behind=True):
                reservation.count(job, nodes, now)
                self.simulator.start(job, nodes)

    def _tell(self, pool: Pool, kept: easy.Reservation | None, shadow_s: float | None, claim: Job | None) -> None:
        """The site's other pools have another pass if a promise or claim was given up, or a promise is later."""
        after = pool.reservation
        worse = claim is not None and pool.claim is not claim and not _started(claim, pool)
        if kept is not None and not math.isinf(shadow_s) and not _started(kept.head, pool):
            worse |= after is None or after.head is not kept.head or after.shadow_s > shadow_s
        if worse and not math.isinf(self.sites[pool.spec.site].limit_w):
            for other in self.sites[pool.spec.site].pools:
                if other is not pool and other.waiting:
                    self.call(other)

    def forget(self, pool: Pool, job: Job) -> None:
        """A job that was promised something is gone."""
        before = pool.reservation, pool.reservation and pool.reservation.shadow_s, pool.claim
        if pool.reservation is not None and pool.reservation.head is job:
            pool.reservation = None
        if pool.claim is job:
            pool.claim = None
        self._tell(pool, *before)

    def turn_away(self, pool: Pool) -> None:
        """Of the jobs that just arrived and still wait, the last ones go where a queue is too long."""
        for job in reversed(self.arrived):
            waits = job.pool is pool and job.status == Status.QUEUED
            if waits and self.rules.queue_limit is not None and len(pool.waiting) > self.rules.queue_limit:
                self.simulator.waiting.leaves(job)
                pool.waiting.remove(job)
                job.promise = None
                job.status = Status.REJECTED
                self.simulator.news[job].succeed(False)
                self.forget(pool, job)


def _started(job: Job, pool: Pool) -> bool:
    return job.status == Status.RUNNING and job.pool is pool

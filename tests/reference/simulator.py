"""The simulator: one SimPy process per job, one pass at a time."""

from __future__ import annotations

import math
from functools import partial

import simpy

from gpusim.state import Backfill, Status
from tests.reference import conservative, easy, preemption, redispatch, times
from tests.reference.case import Case, Change, Outcome
from tests.reference.dispatch import choose, is_ready
from tests.reference.links import Link
from tests.reference.moment import ARRIVALS, CONTROL, ENDS, PASSES, Moment
from tests.reference.placement import find
from tests.reference.power import SitePower
from tests.reference.queueing import Queue
from tests.reference.world import Job, Node, Pool, build_pools


class Simulator:
    """Plays one case."""

    def __init__(self, case: Case):
        self.case, self.rules = case, case.rules
        self.env = simpy.Environment()
        self.pools = build_pools(case.pools)
        self.sites = [
            SitePower([p for p in self.pools if p.spec.site == s], case.overhead, case.oversubscription)
            for s in range(case.n_sites)
        ]
        self.links = [Link(self.env) for _ in range(case.n_links)]
        self.price, self.carbon = [0.0] * case.n_sites, [0.0] * case.n_sites
        self.jobs = [
            Job(row, spec, case.classes[spec.job_class], self.rules.kill_at_estimate)
            for row, spec in enumerate(case.jobs)
        ]
        self.news: dict[Job, simpy.Event] = {}
        self.life: dict[Job, simpy.Process] = {}
        self.arrived: list[Job] = []
        self.pass_is_due = False

    def play(self, until_s: float) -> list[Outcome]:
        """Outcomes of all jobs in [0, until)."""
        for change in self.case.changes:
            self.env.process(self._change(change))
        for job in self.jobs:
            self.life[job] = self.env.process(self._live(job))
        self.env.run(until=until_s)
        return [
            Outcome(
                job.status.name, None if job.pool is None else job.pool.index,
                job.first_start_s, job.start_s, job.end_s, job.evictions,
            )
            for job in self.jobs
        ]  # fmt: skip

    # The life of a job ------------------------------------------------------------------------------------------

    def _live(self, job: Job):
        yield Moment(self.env, job.spec.submit_s, ARRIVALS)
        pools, n_home = self.case.routes[job.spec.route]
        candidates = [self.pools[p] for p in pools]
        links = self._links(job, candidates)
        transfer_s = {pool: _alone_s(job, link) for pool, link in links.items()}
        able = partial(self._can_hold_now, job)
        job.pool = choose(job, candidates, n_home, self.rules.dispatch, self.price, self.carbon, transfer_s, able)
        if job.pool is None:
            job.status = Status.REJECTED
            return
        if job.pool in links:
            yield from self._fetch(job, links[job.pool])
        else:
            self.arrived.append(job)
        self._queue(job)
        while True:
            try:
                starts = yield self.news[job]
                if not starts:
                    return
                yield Moment(self.env, job.end_s, ENDS)
                break
            except simpy.Interrupt:
                continue  # evicted: it waits again
        self._release(job)
        job.status = Status.TIMED_OUT if job.is_cut else Status.DONE

    def _links(self, job: Job, candidates: list[Pool]) -> dict[Pool, Link]:
        """Links to those candidates where the job's data are not."""
        if self.case.route_links is None:
            return {}
        rows = self.case.route_links[job.spec.route]
        return {pool: self.links[row] for pool, row in zip(candidates, rows, strict=True) if row >= 0}

    def _fetch(self, job: Job, link: Link):
        job.status = Status.FETCHING
        job.pool.inbound.append(job)
        yield link.send(job.spec.data_bytes)
        job.pool.inbound.remove(job)

    def _queue(self, job: Job) -> None:
        job.status = Status.QUEUED
        job.pool.waiting.append(job)
        self.news[job] = self.env.event()
        self._call_pass(job.pool)

    def _start(self, job: Job, nodes: list[Node]) -> None:
        pool, now = job.pool, self.env.now
        pool.waiting.remove(job)
        pool.running.append(job)
        job.nodes = nodes
        for node in nodes:
            node.jobs.append(job)
        job.status, job.start_s = Status.RUNNING, now
        job.first_start_s = now if job.first_start_s is None else job.first_start_s
        job.end_s = now + times.wall_s(job.work_s(pool), job.kind)
        self.news[job].succeed(True)

    def _evict(self, job: Job) -> None:
        elapsed_s = self.env.now - job.start_s
        job.saved_s += times.kept_s(elapsed_s, job.work_s(job.pool), job.kind) * job.pool.spec.speed
        self._release(job)
        job.evictions += 1
        job.end_s = None
        self._queue(job)
        self.life[job].interrupt()

    def _release(self, job: Job) -> None:
        job.pool.running.remove(job)
        kept = job.pool.reservation
        for node in job.nodes:
            node.jobs.remove(job)
            if kept is not None and kept.depends_on(node, self.env.now):
                job.pool.reservation = None
        job.nodes = []
        self._gave_back(job.pool)

    def _switched(self, pool: Pool) -> None:
        """Nodes of a pool became usable or ceased to be."""
        pool.reservation = None
        self._gave_back(pool)

    def _gave_back(self, pool: Pool) -> None:
        """Passes here, and where quotas or power may have been waited for."""
        self._call_pass(pool, gave_back=True)
        for other in self.pools:
            if self.case.quota is not None and other.waiting and other.spec.gpu_type == pool.spec.gpu_type:
                self._call_pass(other, gave_back=True)
        if not math.isinf(self.sites[pool.spec.site].limit_w):
            self._power_changed(pool.spec.site)

    def _power_changed(self, site: int) -> None:
        for pool in self.sites[site].pools:
            if pool.waiting:
                self._call_pass(pool, gave_back=True)

    # Changes ----------------------------------------------------------------------------------------------------

    def _change(self, change: Change):
        yield Moment(self.env, change.time_s, CONTROL)
        if change.what in ("price", "carbon"):
            getattr(self, change.what)[change.on] = change.value
        elif change.what == "link":
            self.links[change.on].set_rate(change.value)
        elif change.what in ("fail", "repair"):
            pool, node = self._node(change.on)
            if node.on and node.down == (change.what == "repair"):
                self._clear(node)
                node.down = not node.down
                self._switched(pool)
        elif change.what == "nodes":
            self._set_nodes_on(self.pools[change.on], int(change.value))
        elif change.what == "deliver":
            pool = self.pools[change.on]
            self.sites[pool.spec.site].delivered[pool] = int(change.value)
            self._switch(pool.spec.site)
        elif change.what == "hall":
            self.sites[change.on].hall_w = change.value
            self._switch(change.on)
        else:
            setattr(self.sites[change.on], f"{change.what}_w", change.value)
            self._switch(change.on)
            self._shed(change.on)
            self._power_changed(change.on)

    def _node(self, index: int) -> tuple[Pool, Node]:
        return [(pool, node) for pool in self.pools for node in pool.nodes][index]

    def _switch(self, site: int) -> None:
        for pool, nodes in self.sites[site].carried().items():
            self._set_nodes_on(pool, nodes)

    def _set_nodes_on(self, pool: Pool, wanted: int) -> None:
        on = [node for node in pool.nodes if node.on]
        off = [node for node in pool.nodes if not node.on]
        for node in off[: max(wanted - len(on), 0)]:
            node.on = True
            self._switched(pool)
        on.sort(key=lambda node: (bool(node.jobs), -node.index))
        for node in on[: max(len(on) - wanted, 0)]:
            self._clear(node)
            node.on = node.down = False
            self._switched(pool)

    def _clear(self, node: Node) -> None:
        for job in reversed(node.jobs):
            self._evict(job)

    def _shed(self, site: int) -> None:
        power = self.sites[site]
        while power.draw_w() > power.limit_w:
            running = [job for pool in power.pools for job in pool.running]
            if not running:
                return
            self._evict(max(running, key=lambda job: (job.start_s, job.row)))

    # Passes -----------------------------------------------------------------------------------------------------

    def _call_pass(self, pool: Pool, gave_back: bool = False) -> None:
        pool.changed = True
        pool.gave_back |= gave_back
        if not self.pass_is_due:
            self.pass_is_due = True
            Moment(self.env, self.env.now, PASSES).callbacks.append(lambda _event: self._passes())

    def _passes(self) -> None:
        while True:
            while any(pool.changed for pool in self.pools):  # an eviction in a pass calls for another
                for pool in self.pools:
                    if pool.changed:
                        self._play_pass(pool)
            if not self.rules.redispatch or not self._move_one():
                break
        for pool in self.pools:
            self._turn_away(pool)
        self.arrived = []
        self.pass_is_due = False

    def _play_pass(self, pool: Pool) -> None:
        gave_back, pool.changed, pool.gave_back = pool.gave_back, False, False
        self._pass(pool)
        if gave_back and not pool.waiting:
            pool.is_open = True

    def _move_one(self) -> bool:
        """Start one job that waits and never ran in another pool that has room for it; whether there was one."""
        for job in self.arrived:
            if job.status == Status.QUEUED:
                for p in self.case.routes[job.spec.route][0]:
                    if self._move(job, self.pools[p]):
                        return True
        for pool in self.pools:
            if pool.is_open and not pool.waiting and pool.free > 0:
                for other in self.pools:
                    queue = Queue(other, self.rules.order, self.case.shares, lambda _job: False)
                    for _ in range(redispatch.LOOK):
                        job = queue.next()
                        if job is None:
                            break
                        queue.pass_over(job)
                        if self._move(job, pool):
                            return True
            pool.is_open = False
        return False

    def _move(self, job: Job, pool: Pool) -> bool:
        routes, links = self.case.routes[job.spec.route], self.case.route_links
        here = links is None or pool.index in redispatch.where_data_are(routes[0], links[job.spec.route])
        if not here or not redispatch.may_run(job, pool, *routes, self.rules.dispatch) or not is_ready(job, pool):
            return False
        left, job.pool = job.pool, pool  # as if it were there
        nodes = self._find(job)
        starts = nodes is not None and self._has_power(job) and not self._exceeds_quota(job)
        job.pool = left
        if not starts:
            return False
        left.waiting.remove(job)
        self._call_pass(left, gave_back=True)
        pool.waiting.append(job)
        job.pool = pool
        self._start(job, nodes)
        return True

    def _can_hold_now(self, job: Job, pool: Pool) -> bool:
        """Whether the pool as it is could run the job if nothing else ran at its site and its tenant held nothing."""
        quota = self.case.quota
        held = job.held(pool.size)
        if quota is not None and held > quota[job.spec.tenant][pool.spec.gpu_type]:
            return False
        usable = sum(node.size for node in pool.nodes if node.usable)
        return held <= usable and self.sites[pool.spec.site].admits_alone(job, pool)

    def _turn_away(self, pool: Pool) -> None:
        """Of the jobs that just arrived and still wait, the last ones go where a queue is too long."""
        for job in reversed(self.arrived):
            waits = job.pool is pool and job.status == Status.QUEUED
            if waits and self.rules.queue_limit is not None and len(pool.waiting) > self.rules.queue_limit:
                pool.waiting.remove(job)
                job.status = Status.REJECTED
                self.news[job].succeed(False)

    def _pass(self, pool: Pool) -> None:
        queue = Queue(pool, self.rules.order, self.case.shares, self._exceeds_quota)
        while (head := queue.next()) is not None:
            nodes = self._find(head)
            if nodes is None and self.rules.preempts and self._has_power(head):
                nodes = self._make_way(head)
            if nodes is None or not self._has_power(head):
                break
            pool.reservation = None
            self._start(head, nodes)
        if pool.reservation is not None and pool.reservation.head is not head:
            pool.reservation = None
        if head is not None and self.rules.backfill == Backfill.EASY:
            self._easy(pool, queue, head)
        elif head is not None and self.rules.backfill == Backfill.CONSERVATIVE and self._find(head) is None:
            self._conservative(pool, queue)

    def _easy(self, pool: Pool, queue: Queue, head: Job) -> None:
        now = self.env.now
        kept = pool.reservation
        if self._find(head) is not None:  # what it lacks is power: all nodes are kept, until enough is given back
            pool.reservation = None
            reservation = easy.Reservation(head, self.sites[pool.spec.site].relief_s(head, pool, now), pool.nodes)
        elif kept is None or kept.shadow_s <= now + 1:
            reservation = pool.reservation = easy.reserve(head, pool, now)
        else:
            reservation = kept
        queue.pass_over(head)
        while (job := queue.next()) is not None:
            queue.pass_over(job)
            nodes = reservation.place(job, pool, now, self.rules.placement)
            if nodes is not None and self._has_power(job):
                reservation.count(job, nodes, now)
                self._start(job, nodes)

    def _conservative(self, pool: Pool, queue: Queue) -> None:
        now = self.env.now
        plan = conservative.Plan(pool, now)
        while (job := queue.next()) is not None:
            queue.pass_over(job)
            found = plan.earliest(job, self.rules.placement)
            if found is None:
                continue
            start_s, nodes = found
            if start_s == now:
                if not self._has_power(job):
                    return
                self._start(job, nodes)
            plan.reserve(job, start_s, nodes)

    def _find(self, job: Job) -> list[Node] | None:
        free = {node: node.free for node in job.pool.nodes if node.usable}
        return find(job, job.pool, free, self.rules.placement)

    def _has_power(self, job: Job) -> bool:
        return self.sites[job.pool.spec.site].admits(job, job.pool)

    def _exceeds_quota(self, job: Job) -> bool:
        if self.case.quota is None:
            return False
        kind, tenant = job.pool.spec.gpu_type, job.spec.tenant
        held = sum(pool.held_by(tenant) for pool in self.pools if pool.spec.gpu_type == kind)
        return held + job.held(job.pool.size) > self.case.quota[tenant][kind]

    def _make_way(self, head: Job) -> list[Node] | None:
        """Evict for the head, if it can then start; its nodes."""
        for job in preemption.victims(head, head.pool):
            self._evict(job)
        return self._find(head)


def _alone_s(job: Job, link: Link) -> float:
    return job.spec.data_bytes / link.bytes_per_s if link.bytes_per_s > 0 else math.inf


def simulate(case: Case, until_s: float) -> list[Outcome]:
    """Outcomes of all jobs of a case in [0, ``until_s``)."""
    return Simulator(case).play(until_s)

"""The simulator: one SimPy process per job, one pass at a time."""

from __future__ import annotations

import math
from functools import partial

import simpy

from gpusim.state.codes import Backfill, Status
from tests.reference import conservative, easy, preemption, redispatch, times
from tests.reference.case import Case, Change, Outcome
from tests.reference.dispatch import choose, is_ready
from tests.reference.links import Link
from tests.reference.moment import ARRIVALS, CONTROL, ENDS, OVER, PASSES, PROMISES, Moment
from tests.reference.placement import find
from tests.reference.power import SitePower, job_w
from tests.reference.promises import Load
from tests.reference.queueing import Queue, place
from tests.reference.serving import Replica, Service, serve
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
        self.services = [Service(self, spec) for spec in case.services]

    def play(self, until_s: float) -> list[Outcome]:
        """Outcomes of all jobs in [0, until)."""
        for change in self.case.changes:
            self.env.process(self._change(change))
        for job in self.jobs:
            self.life[job] = self.env.process(self._live(job))
        if self.services:
            self.env.process(serve(self.env, self.services))
        if self.case.cycle_s is not None:
            self.env.process(self._cycle(self.case.cycle_s))
        self.env.run(until=Moment(self.env, until_s, OVER))
        return [
            Outcome(
                job.status.name, None if job.pool is None else job.pool.index,
                job.first_start_s, job.start_s, job.end_s, job.evictions, job.promised_s,
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
        now = partial(self._can_hold_now, job), partial(self._admits, job)
        job.pool = choose(job, candidates, n_home, self.rules.dispatch, self.price, self.carbon, transfer_s, *now)
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
                continue  # evicted, so that it waits again, or at another rate, so that it ends at another time
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
        job.promise = None
        job.nodes = nodes
        for node in nodes:
            node.jobs.append(job)
        job.status, job.start_s = Status.RUNNING, now
        job.first_start_s = now if job.first_start_s is None else job.first_start_s
        job.since_s, job.place_s = now, 0.0
        job.end_s = now + job.left_s(job.length_s(pool))
        self.news[job].succeed(True)

    def evict(self, job: Job) -> None:
        place_s = job.place_now_s(self.env.now)
        job.saved_s += times.kept_s(place_s, job.work_s(job.pool), job.kind) * job.pool.spec.speed
        job.rate = job.draw = 1.0
        self._release(job)
        job.evictions += 1
        job.end_s = None
        self._queue(job)
        self.life[job].interrupt()

    def stop(self, replica: Replica) -> None:
        """A replica stops; services look at what they serve now."""
        replica.pool.replicas.remove(replica)
        self._leave_nodes(replica)
        for service in self.services:
            service.note()

    def _release(self, job: Job) -> None:
        job.pool.running.remove(job)
        self._leave_nodes(job)

    def _leave_nodes(self, job: Job) -> None:
        kept = job.pool.reservation
        for node in job.nodes:
            node.jobs.remove(job)
            if kept is not None and kept.depends_on(node, self.env.now):
                job.pool.unsettled = True
        job.nodes = []
        self._gave_back(job.pool)

    def _switched(self, pool: Pool) -> None:
        """Nodes of a pool became usable or ceased to be."""
        pool.unsettled = True
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
                self._dismiss(pool, node)
                self._clear(node)
                node.down = not node.down
                self._switched(pool)
        elif change.what == "nodes":
            self._set_nodes_on(self.pools[change.on], int(change.value))
        elif change.what == "deliver":
            pool = self.pools[change.on]
            self.sites[pool.spec.site].delivered[pool] = int(change.value)
            self._switch(pool.spec.site)
        elif change.what.endswith("_rate"):
            self._set_rate(change)
        elif change.what == "job_gpus":
            self._set_gpus(change.on, int(change.value))
        elif change.what == "hall":
            self.sites[change.on].hall_w = change.value
            self._switch(change.on)
        else:
            setattr(self.sites[change.on], f"{change.what}_w", change.value)
            self._switch(change.on)
            self._shed(change.on)
            self._power_changed(change.on)

    def _set_gpus(self, row: int, gpus: int) -> None:
        """A job asks for other GPUs from now on; if it runs, it is evicted first."""
        job = self.jobs[row] if row < len(self.jobs) else None
        if job is None or job.status not in (Status.QUEUED, Status.RUNNING):
            return
        if gpus > job.pool.spec.n_nodes * job.pool.size:
            return
        if job.status == Status.RUNNING:
            self.evict(job)
        self._resize(job, gpus)

    def _resize(self, job: Job, gpus: int) -> None:
        pool = job.pool
        self._forget(pool, job)
        job.promise = None
        job.pace *= job.gpus / gpus
        job.saved_s *= job.gpus / gpus
        job.gpus = gpus
        self._call_pass(pool, gave_back=True)

    def _set_rate(self, change: Change) -> None:
        """Jobs go at another rate from now on, and draw something else."""
        pools, jobs = [], []
        if change.what == "job_rate":
            job = self.jobs[change.on] if change.on < len(self.jobs) else None
            if job is None or job.status != Status.RUNNING:
                return
            jobs, site = [job], job.pool.spec.site
        else:
            pools = [self.pools[change.on]] if change.what == "pool_rate" else self.sites[change.on].pools
            jobs, site = [job for pool in pools for job in pool.running], pools[0].spec.site
        for job in jobs:
            job.place_s, job.since_s = job.place_now_s(self.env.now), self.env.now
        if change.what == "job_rate":
            job.rate, job.draw = change.value, change.draw
        for pool in pools:
            kind = "own" if change.what == "pool_rate" else "site"
            setattr(pool, f"{kind}_rate", change.value)
            setattr(pool, f"{kind}_draw", change.draw)
            pool.is_late = True
        for job in jobs:
            job.end_s = self.env.now + job.left_s(job.length_s(job.pool))
            self.life[job].interrupt()
        for pool in pools or [jobs[0].pool]:
            pool.unsettled = True
            self._gave_back(pool)
        self._shed(site)

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
            self._dismiss(pool, node)
            self._clear(node)
            node.on = node.down = False
            self._switched(pool)

    def _dismiss(self, pool: Pool, node: Node) -> None:
        """What was promised of a node that jobs could use is not there any more."""
        if node.usable:
            conservative.void(pool)

    def _clear(self, node: Node) -> None:
        for job in reversed(node.jobs):
            self.stop(job) if isinstance(job, Replica) else self.evict(job)

    def _shed(self, site: int) -> None:
        power = self.sites[site]
        while power.draw_w() > power.allowed_w:
            running = [job for pool in power.pools for job in pool.running]
            if not running:
                break
            self.evict(max(running, key=lambda job: (job.start_s, job.row)))
        replicas = [replica for service in self.services for d in service.deployments for replica in d.replicas]
        for replica in reversed(replicas):
            if replica.nodes and replica.pool in power.pools and power.draw_w() > power.allowed_w:
                self.stop(replica)

    # Passes -----------------------------------------------------------------------------------------------------

    def _call_pass(self, pool: Pool, gave_back: bool = False) -> None:
        pool.changed = True
        pool.gave_back |= gave_back
        if not self.pass_is_due and self.case.cycle_s is None:
            self.pass_is_due = True
            Moment(self.env, self.env.now, PASSES).callbacks.append(lambda _event: self._passes())

    def _cycle(self, cycle_s: float):
        k = 0
        while True:
            yield Moment(self.env, k * cycle_s, PASSES)
            if self.case.policy is not None:
                self._ask(self.case.policy)
            elif self.case.targets is not None:
                self._round(self.case.targets)
            else:
                self._passes()
            k += 1

    def _ask(self, policy) -> None:
        """A custom policy's order of every queue, and a pass over each by it."""
        for pool in [pool for pool in self.pools if pool.waiting]:
            queue = sorted(pool.waiting, key=lambda job: (job.spec.submit_s, job.row))
            rows = [(job.row, job.gpus, job.expected_wall_s(pool)) for job in queue]
            pool.reservation = None
            self._pass(pool, [queue[place] for place in policy(rows)])
            self._turn_away(pool)
        self.arrived = []

    def _round(self, targets) -> None:
        """All jobs of each pool get the GPUs that they shall have: stops, then sizes, then starts, the larger first."""
        for pool in [pool for pool in self.pools if pool.waiting or pool.running]:
            jobs = sorted(pool.waiting, key=lambda job: (job.spec.submit_s, job.row))
            jobs += sorted(pool.running, key=lambda job: job.row)
            rows = [
                (job.row, job.gpus, job.held(pool.size), self._left_s(job), bool(job.nodes), job.spec.preemptible)
                for job in jobs
            ]
            gpus = targets(rows, pool.free, pool.spec.n_nodes * pool.size)
            for job, count in zip(jobs, gpus, strict=True):
                if job.nodes and count != job.gpus:
                    self.evict(job)
            for job, count in zip(jobs, gpus, strict=True):
                if count and count != job.gpus:
                    self._resize(job, count)
            for i in sorted((i for i, count in enumerate(gpus) if count), key=lambda i: -gpus[i]):
                if not jobs[i].nodes and not self._exceeds_quota(jobs[i]):
                    nodes = self._find(jobs[i])
                    if nodes is not None and self._has_power(jobs[i]):
                        self._start(jobs[i], nodes)
            self._turn_away(pool)
        self.arrived = []

    def _left_s(self, job: Job) -> float:
        """How long a job is expected to need from now on."""
        if job.nodes:
            return max(job.estimated_end_s() - self.env.now, 0.0)
        return job.expected_wall_s(job.pool)

    def _passes(self) -> None:
        while True:
            while any(pool.changed for pool in self.pools):  # an eviction in a pass calls for another
                for pool in self.pools:
                    if pool.changed:
                        self._play_pass(pool)
            if not self._may_move() or not self._move_one():
                break
        self.pass_is_due = False  # who is turned away may have been promised what others now get, at this instant
        for pool in self.pools:
            self._turn_away(pool)
        self.arrived = []

    def _play_pass(self, pool: Pool) -> None:
        gave_back, pool.changed, pool.gave_back = pool.gave_back, False, False
        self._pass(pool)
        if gave_back and not pool.waiting:
            pool.is_open = True

    def _may_move(self) -> bool:
        return self.rules.redispatch and self.rules.backfill != Backfill.CONSERVATIVE

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
        if not here or not redispatch.may_run(job, pool, *routes, self.rules.dispatch):
            return False
        if not is_ready(job, pool, partial(self._admits, job)):
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

    def _admits(self, job: Job, pool: Pool) -> bool:
        return self.sites[pool.spec.site].admits(job, pool)

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
                job.promise = None
                job.status = Status.REJECTED
                self.news[job].succeed(False)
                self._forget(pool, job)

    def _pass(self, pool: Pool, answer: list[Job] | None = None) -> None:
        if self.rules.backfill == Backfill.CONSERVATIVE:
            self._keep_promises(pool, answer)
            return
        before = pool.reservation, pool.reservation and pool.reservation.shadow_s, pool.claim
        queue = Queue(pool, self.rules.order, self.case.shares, self._exceeds_quota, answer)
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
        pool.claim = None
        if head is not None and self.rules.backfill == Backfill.EASY:
            self._easy(pool, queue, head)
        elif head is not None and self.rules.backfill == Backfill.NONE and self._find(head) is not None:
            pool.claim = head
        self._tell(pool, *before)

    def _tell(self, pool: Pool, kept: easy.Reservation | None, shadow_s: float | None, claim: Job | None) -> None:
        """The site's other pools have another pass if a promise or claim was given up, or a promise is later."""
        after = pool.reservation
        worse = claim is not None and pool.claim is not claim and not _started(claim, pool)
        if kept is not None and not math.isinf(shadow_s) and not _started(kept.head, pool):
            worse |= after is None or after.head is not kept.head or after.shadow_s > shadow_s
        if worse and not math.isinf(self.sites[pool.spec.site].limit_w):
            for other in self.sites[pool.spec.site].pools:
                if other is not pool and other.waiting:
                    self._call_pass(other)

    def _forget(self, pool: Pool, job: Job) -> None:
        """A job that was promised something is gone."""
        before = pool.reservation, pool.reservation and pool.reservation.shadow_s, pool.claim
        if pool.reservation is not None and pool.reservation.head is job:
            pool.reservation = None
        if pool.claim is job:
            pool.claim = None
        self._tell(pool, *before)

    def _load(self, pool: Pool, own: bool, head: Job | None = None) -> Load:
        """The load of the site, with or without what the pool's own head was promised; never what ``head`` was."""
        power = self.sites[pool.spec.site]
        promises = [other.reservation for other in power.pools if own or other is not pool]
        return Load(power, [one for one in promises if one is not None and one.head is not head], self.env.now)

    def _easy(self, pool: Pool, queue: Queue, head: Job) -> None:
        now, kept, others = self.env.now, pool.reservation, self._load(pool, own=False)
        w = job_w(head, pool) * others.power.overhead
        if self._find(head) is not None:  # what it lacks is power: all nodes are kept, until enough is given back
            pool.reservation = easy.Reservation(head, others.earliest_s(head, pool, now), pool.nodes, nodes_s=now)
        elif (
            kept is None
            or pool.unsettled
            or kept.shadow_s <= now + 1
            or kept.shadow_s != kept.nodes_s  # it hangs on power
            or (not math.isinf(kept.shadow_s) and w > max(0, others.room_w(kept.shadow_s)))
        ):
            pool.reservation = easy.reserve(head, pool, now, lambda from_s: others.earliest_s(head, pool, from_s))
        pool.unsettled = False
        reservation = pool.reservation
        queue.pass_over(head)
        while (job := queue.next()) is not None:
            queue.pass_over(job)
            nodes = reservation.place(job, pool, now, self.rules.placement)
            if nodes is not None and self._has_power(job, behind=True):
                reservation.count(job, nodes, now)
                self._start(job, nodes)

    def _plan(self) -> conservative.Plan:
        return conservative.Plan(self.case, self.sites, self.pools, self.env.now)

    def _keep_promises(self, pool: Pool, answer: list[Job] | None) -> None:
        """Conservative: start who is due, then give every job, in order, the earliest start beside all others."""
        now = self.env.now
        for other in self._plan().broken(pool):
            other.changed = other.changed or (other is not pool and bool(other.waiting))
        for job in pool.waiting:
            if answer is not None and job not in answer:
                job.promise = None
        for job in sorted(pool.waiting, key=lambda job: job.row):
            if job.promise is not None and job.promise.start_s == now:
                self._start(job, job.promise.nodes)
        if self.rules.preempts:
            self._start_heads(pool, answer)
        queue = Queue(pool, self.rules.order, self.case.shares, lambda _job: False, answer)
        while (job := queue.next()) is not None:
            queue.pass_over(job)
            found = self._plan().earliest(job)
            if found is not None and (job.promise is None or found[0] < job.promise.start_s):
                self._promise(job, *found)

    def _start_heads(self, pool: Pool, answer: list[Job] | None) -> None:
        queue = Queue(pool, self.rules.order, self.case.shares, self._exceeds_quota, answer)
        while (head := queue.next()) is not None:
            found = self._plan().earliest(head)
            if found is not None and found[0] == self.env.now:
                self._start(head, found[1])
                continue
            may = self._plan().has_power(head) and not preemption.spans_domains(head, pool)
            nodes = self._make_way(head) if may else None
            if nodes is None:
                return
            conservative.void(pool)
            self._start(head, nodes)

    def _promise(self, job: Job, start_s: float, nodes: list[Node]) -> None:
        if start_s == self.env.now:
            self._start(job, nodes)
            return
        promise = job.promise = conservative.Promise(start_s, nodes)
        job.promised_s = start_s if job.promised_s is None else job.promised_s
        Moment(self.env, start_s, PROMISES).callbacks.append(lambda _event: self._due(job, promise))

    def _due(self, job: Job, promise: conservative.Promise) -> None:
        """Call a pass for a promise that can be kept now."""
        if job.promise is promise:
            if self._plan().is_there(job):
                self._call_pass(job.pool)
            else:
                job.pool.is_late = True

    def _find(self, job: Job) -> list[Node] | None:
        free = {node: node.free for node in job.pool.nodes if node.usable}
        return find(job, job.pool, free, self.rules.placement)

    def _has_power(self, job: Job, behind: bool = False) -> bool:
        """Whether the limit admits a job, and what others were promised (behind a head: the head too) allows it."""
        pool, power = job.pool, self.sites[job.pool.spec.site]
        w = job_w(job, pool) * power.overhead
        if not power.admits(job, pool):
            return False
        if w <= 0 or math.isinf(power.limit_w):
            return True
        if self.rules.backfill == Backfill.NONE:
            return self._leaves_claims(job, w)
        return self._load(pool, own=behind, head=job).admits(w, self.env.now + job.expected_wall_s(pool))

    def _leaves_claims(self, job: Job, w: float) -> bool:
        """Without backfill, nobody later in the order takes power of which a head lacks some."""
        power = self.sites[job.pool.spec.site]
        claims = [pool.claim for pool in power.pools if pool is not job.pool and pool.claim is not None]
        claims = [c for c in claims if place(c, self.rules.order) < place(job, self.rules.order)]
        claimed_w = [job_w(c, c.pool) * power.overhead for c in claims]
        claimed_w = sum(c for c in claimed_w if power.without_jobs_w() + c <= power.allowed_w)
        return claimed_w == 0 or power.draw_w() + claimed_w + w <= power.allowed_w

    def _exceeds_quota(self, job: Job) -> bool:
        if self.case.quota is None:
            return False
        kind, tenant = job.pool.spec.gpu_type, job.spec.tenant
        held = sum(pool.held_by(tenant) for pool in self.pools if pool.spec.gpu_type == kind)
        return held + job.held(job.pool.size) > self.case.quota[tenant][kind]

    def _make_way(self, head: Job) -> list[Node] | None:
        """Evict for the head, if it can then start; its nodes."""
        for job in preemption.victims(head, head.pool):
            self.evict(job)
        return self._find(head)


def _started(job: Job, pool: Pool) -> bool:
    return job.status == Status.RUNNING and job.pool is pool


def _alone_s(job: Job, link: Link) -> float:
    return job.spec.data_bytes / link.bytes_per_s if link.bytes_per_s > 0 else math.inf


def simulate(case: Case, until_s: float) -> list[Outcome]:
    """Outcomes of all jobs of a case in [0, ``until_s``)."""
    return Simulator(case).play(until_s)


def simulate_services(case: Case, edges_s: list[float]) -> tuple[list[Outcome], list[list[tuple[float, ...]]]]:
    """Outcomes of all jobs, and ``Deployment.sums`` of every deployment between neighbouring edges."""
    simulator = Simulator(case)
    outcomes = simulator.play(edges_s[-1])
    deployments = [d for service in simulator.services for d in service.deployments]
    return outcomes, [[d.sums(*span) for span in zip(edges_s, edges_s[1:], strict=False)] for d in deployments]

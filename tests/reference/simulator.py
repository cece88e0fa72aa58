"""The simulator: one SimPy process per job."""

from __future__ import annotations

import math
from functools import partial

import simpy

from gpusim.kernels.state.codes import Status, Topology, Wait
from tests.reference import preemption, times
from tests.reference.caps import Caps
from tests.reference.case import Case, Outcome, Served
from tests.reference.changes import Changes
from tests.reference.dispatch import choose
from tests.reference.fleet import Fleet
from tests.reference.greedy import Greedy
from tests.reference.links import Link
from tests.reference.moment import ARRIVALS, ENDS, OVER, PROMISES, Moment
from tests.reference.passes import Passes
from tests.reference.placement import rate_apart
from tests.reference.rounds import Rounds
from tests.reference.scored import idle_gpus
from tests.reference.serving import Replica, Service, serve
from tests.reference.sharing import Host
from tests.reference.waiting import Waiting
from tests.reference.world import Job, Node, Pool


class Simulator(Fleet):
    """A fleet at work: plays one case."""

    def __init__(self, case: Case):
        super().__init__(case)
        self.news: dict[Job, simpy.Event] = {}
        self.life: dict[Job, simpy.Process] = {}
        self.passes = Passes(self)
        self.waiting = Waiting(self)
        self.greedy = Greedy(self)
        self.services = [Service(self, spec) for spec in case.services]
        self.caps = Caps(self) if case.caps else None
        self.env.behind = [self.caps.settle] if self.caps else []

    def play(self, until_s: float) -> list[Outcome]:
        """Outcomes of all jobs in [0, until)."""
        changes = Changes(self)
        for change in self.case.changes:
            self.env.process(changes.play(change))
        self.env.process(changes.fail(self.case.failures))
        for job in self.jobs:
            self.life[job] = self.env.process(self._live(job))
        if self.services:
            self.env.process(serve(self.env, self.services))
        if self.case.cycle_s is not None:
            self.env.process(Rounds(self).play(self.case.cycle_s))
        self.env.run(until=Moment(self.env, until_s, OVER))
        return [
            Outcome(
                job.status.name, None if job.pool is None else job.pool.index,
                job.first_start_s, job.start_s, job.end_s, job.evictions, job.promised_s, self.waiting.total_s(job),
            )
            for job in self.jobs
        ]  # fmt: skip

    def _live(self, job: Job):
        yield Moment(self.env, job.spec.submit_s, ARRIVALS)
        pools, n_home = self.case.routes[job.spec.route]
        candidates = [self.pools[p] for p in pools]
        links = self._links(job, candidates)
        transfer_s = {pool: _alone_s(job, link) for pool, link in links.items()}
        now = partial(self.can_hold_now, job), partial(self.admits, job)
        job.pool = choose(
            job, candidates, n_home, self.rules.dispatch, self.price, self.carbon, transfer_s, *now, self.asks(job),
            lambda pool: self.scored.best(job, pool),
        )  # fmt: skip
        if job.pool is None:
            job.status = Status.REJECTED
            return
        if job.pool in links:
            yield from self._fetch(job, links[job.pool])
        else:
            self.passes.arrived.append(job)
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
        self.waiting.waits_s[job][Wait.DATA] += self.env.now - job.spec.submit_s
        job.pool.inbound.remove(job)

    def _queue(self, job: Job) -> None:
        job.status = Status.QUEUED
        self.waiting.joins(job)
        job.pool.waiting.append(job)
        self.news[job] = self.env.event()
        self._prefer(job)
        self.greedy.queued(job)
        self.passes.call(job.pool)

    def _prefer(self, job: Job) -> None:
        """A job joins a queue: it waits so long for a tight placement, and is then looked at again."""
        pool, wait_s = job.pool, self.rules.topology_wait_s
        job.roams_s = until_s = self.env.now + wait_s
        if self.rules.topology != Topology.PREFERRED or wait_s == 0 or job.n_nodes(pool.size) == 1:
            return

        def look(_event) -> None:
            if job.status == Status.QUEUED and job.pool is pool and job.roams_s == until_s:
                pool.unsettled = True
                self.passes.call(pool, gave_back=True)

        if pool.is_divided:
            Moment(self.env, until_s, PROMISES).callbacks.append(look)

    def start(self, job: Job, nodes: list[Node]) -> None:
        pool, now = job.pool, self.env.now
        self.waiting.leaves(job)
        pool.waiting.remove(job)
        pool.running.append(job)
        job.promise = None
        job.nodes = nodes
        if job.part == 1.0:
            for node in nodes:
                if self.scored:
                    job.gpus_of[node] = idle_gpus(node)[: job.on_node(pool.size)]
                node.jobs.append(job)
        job.status, job.start_s = Status.RUNNING, now
        job.first_start_s = now if job.first_start_s is None else job.first_start_s
        job.since_s, job.progress_s = now, 0.0
        job.spread = rate_apart(job, pool, nodes)
        job.end_s = now + job.left_s(job.length_s(pool))
        if job.part < 1.0:
            self._share(job, nodes[0])
        self.greedy.started(job)
        self.news[job].succeed(True)

    def _share(self, job: Job, node: Node) -> None:
        """A job takes its part of a GPU, of another one than before if nobody shares it yet."""
        if job.host is None:
            job.host = Host(node, job.row, self.env.now, job.gpu)
            node.jobs.append(job.host)
        else:
            job.pool.unsettled |= job.estimated_end_s() > job.host.estimated_end_s()
        job.host.guests.append(job)

    def evict(self, job: Job) -> None:
        progress_s = job.progress_now_s(self.env.now)
        job.saved_s += times.kept_s(progress_s, job.work_s(job.pool), job.kind) * job.kind.speed_in(job.pool.spec)
        job.rate = job.draw = job.spread = 1.0
        job.cap = 0
        self._release(job)
        job.evictions += 1
        job.end_s = None
        self._queue(job)
        self.life[job].interrupt()

    def make_way(self, head: Job) -> list[Node] | None:
        """Evict for the head, if it can then start; its nodes."""
        for one in preemption.victims(head, head.pool, self.asks(head)):
            for job in list(one.guests) if isinstance(one, Host) else [one]:
                self.evict(job)
        return self.find(head)

    def stop(self, replica: Replica) -> None:
        """A replica stops; services look at what they serve now, behind all that happens at this instant."""
        replica.pool.replicas.remove(replica)
        self._leave_nodes(replica)
        for service in self.services:
            service.look_at(self.env.now)

    def resize(self, job: Job, gpus: int) -> None:
        """A waiting job asks for other GPUs."""
        pool = job.pool
        self.passes.forget(pool, job)
        job.promise = None
        self.waiting.leaves(job)
        pool.waiting.remove(job)
        times = self.case.curve(job.gpus) / self.case.curve(gpus)
        job.pace *= times
        job.saved_s *= times
        job.gpus = gpus
        self.waiting.joins(job)
        pool.waiting.append(job)
        self._prefer(job)
        self.greedy.queued(job)
        self.passes.call(pool, gave_back=True)

    def _release(self, job: Job) -> None:
        job.pool.running.remove(job)
        self.greedy.stopped(job)
        self._leave_nodes(job)

    def _leave_nodes(self, job: Job) -> None:
        kept, holder = job.pool.reservation, job
        if job.host is not None:
            holder, before_s = job.host, job.host.estimated_end_s()
            holder.guests.remove(job)
            job.host = None
            if holder.guests:
                limited = any(job.pool.spec.cpu_memory)
                room = kept is not None and (kept.head.part < 1.0 or (limited and not kept.whole))
                job.pool.unsettled |= holder.estimated_end_s() != before_s or room
                job.nodes = []
                self.gave_back(job.pool)
                return
        job.gpus_of.clear()
        for node in job.nodes:
            node.jobs.remove(holder)
            if kept is not None and kept.depends_on(node, self.env.now):
                job.pool.unsettled = True
        job.nodes = []
        self.gave_back(job.pool)

    def switched(self, pool: Pool) -> None:
        """Nodes of a pool became usable or ceased to be."""
        pool.unsettled = True
        self.gave_back(pool)

    def gave_back(self, pool: Pool) -> None:
        """Passes here, and where quotas or power may have been waited for."""
        self.passes.call(pool, gave_back=True)
        for other in self.pools:
            if self.case.quota is not None and other.waiting and other.spec.gpu_type == pool.spec.gpu_type:
                self.passes.call(other, gave_back=True)
        if not math.isinf(self.sites[pool.spec.site].limit_w):
            self.power_changed(pool.spec.site)

    def power_changed(self, site: int) -> None:
        for pool in self.sites[site].pools:
            if pool.waiting:
                self.passes.call(pool, gave_back=True)


def _alone_s(job: Job, link: Link) -> float:
    return job.spec.data_bytes / link.bytes_per_s if link.bytes_per_s > 0 else math.inf


def simulate(case: Case, until_s: float) -> list[Outcome]:
    """Outcomes of all jobs of a case in [0, ``until_s``)."""
    return Simulator(case).play(until_s)


def simulate_services(case: Case, edges_s: list[float]) -> tuple[list[Outcome], list[list[Served]]]:
    """Outcomes of all jobs, and what became of every deployment between neighbouring edges."""
    simulator = Simulator(case)
    outcomes = simulator.play(edges_s[-1])
    deployments = [d for service in simulator.services for d in service.deployments]
    return outcomes, [[d.between(*span) for span in zip(edges_s, edges_s[1:], strict=False)] for d in deployments]

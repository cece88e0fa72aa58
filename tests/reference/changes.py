"""What happens to nodes, deliveries, limits and links, and to jobs from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpusim.kernels.state.codes import Capping, Status
from tests.reference import conservative
from tests.reference.case import Change, Failure
from tests.reference.moment import CONTROL, Moment
from tests.reference.power import leaves_first
from tests.reference.serving import Replica
from tests.reference.world import Job, Node, Pool

if TYPE_CHECKING:
    from tests.reference.simulator import Simulator


class Changes:
    """Makes the changes of a case."""

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        self.env, self.pools, self.sites = simulator.env, simulator.pools, simulator.sites
        self.spares = simulator.case.spares
        self.due: set[int] = set()
        self.usable_s: dict[Node, float] = {}  # when a node could be had again, be it for no time
        self.starting = [0] * len(self.pools)

    def play(self, change: Change):
        yield Moment(self.env, change.time_s, CONTROL)
        if change.what in ("price", "carbon"):
            getattr(self.simulator, change.what)[change.on] = change.value
        elif change.what == "link":
            self.simulator.links[change.on].set_rate(change.value)
        elif change.what in ("fail", "repair"):
            pool, node = self._node(change.on)
            if node.on and node.down == (change.what == "repair"):
                self._dismiss(pool, node)
                self._clear(node)
                node.down = not node.down
                node.spare = False
                self.usable_s[node] = self.env.now
                self._switched(pool)
        elif change.what == "nodes":
            self._set_nodes_on(self.pools[change.on], int(change.value))
        elif change.what in ("deliver", "retire"):
            pool = self.pools[change.on]
            self.sites[pool.spec.site].delivered[pool] = nodes = int(change.value)
            pool.left = nodes if change.what == "retire" else max(pool.left, nodes)
            self._switch(pool.spec.site)
        elif change.what.endswith("_rate"):
            self._set_rate(change)
        elif change.what == "job_gpus":
            self._set_gpus(change.on, int(change.value))
        elif change.what == "feeder":
            for feeder in self.simulator.caps.feeders:
                if feeder.pool is self.pools[change.on]:
                    feeder.limit_w = change.value * feeder.usual_w
        elif change.what == "hall":
            self.sites[change.on].hall_w = change.value
            self._switch(change.on)
        else:
            setattr(self.sites[change.on], f"{change.what}_w", change.value)
            self._switch(change.on)
            self._shed(change.on)
            self.simulator.power_changed(change.on)

    def fail(self, failures: list[Failure]):
        """Failures, one after the other."""
        for failure in failures:
            yield Moment(self.env, failure.time_s, CONTROL)
            held = self._break(failure)
            if held:
                self.env.process(self._mend(held, Moment(self.env, failure.time_s + failure.repair_s, CONTROL)))

    def _break(self, failure: Failure) -> list[tuple[Pool, Node]]:
        """Of a unit the nodes in use break; all of it that is down then, be it from before, waits for the repair."""
        pools = [self.pools[failure.pool]] if failure.pool >= 0 else self.sites[failure.site].pools
        unit = [(pool, node) for pool in pools for node in pool.nodes]
        if failure.pool >= 0:
            unit = unit[failure.first : failure.first + failure.nodes]
        breaking = [(pool, node) for pool, node in unit if node.on and not node.down]
        if not breaking:
            return []
        for pool, node in breaking:
            self._dismiss(pool, node)
            self._clear(node)
            node.down, node.spare = True, False
            self._switched(pool)
        held = [(pool, node) for pool, node in unit if node.on and node.down]
        for _pool, node in held:
            node.repairs += 1
        return held

    def _mend(self, held: list[tuple[Pool, Node]], back: Moment):
        yield back
        for pool, node in held:
            node.repairs -= 1
            if node.repairs == 0 and node.on and node.down:
                self._dismiss(pool, node)
                node.down = False
                self.usable_s[node] = self.env.now
                self._switched(pool)

    def _set_gpus(self, row: int, gpus: int) -> None:
        """A job asks for other GPUs from now on; if it runs, it is evicted first."""
        job = self._job(row)
        if job is None or job.status not in (Status.QUEUED, Status.RUNNING):
            return
        if gpus > job.pool.spec.n_nodes * job.pool.size:
            return
        if job.status == Status.RUNNING:
            self.simulator.evict(job)
        self.simulator.resize(job, gpus)

    def _set_rate(self, change: Change) -> None:
        """Jobs go at another rate from now on, and draw something else."""
        pools, jobs = [], []
        if change.what == "job_rate":
            job = self._job(change.on)
            if job is None or job.status != Status.RUNNING:
                return
            jobs, site = [job], job.pool.spec.site
        else:
            pools = [self.pools[change.on]] if change.what == "pool_rate" else self.sites[change.on].pools
            jobs, site = [job for pool in pools for job in pool.running], pools[0].spec.site
        for job in jobs:
            job.progress_s, job.since_s = job.progress_now_s(self.env.now), self.env.now
        if change.what == "job_rate":
            job.rate, job.draw = change.value, change.draw
        for pool in pools:
            kind = "own" if change.what == "pool_rate" else "site"
            setattr(pool, f"{kind}_rate", change.value)
            setattr(pool, f"{kind}_draw", change.draw)
            pool.is_late = True
        for job in jobs:
            job.end_s = self.env.now + job.left_s(job.length_s(job.pool))
            self.simulator.life[job].interrupt()
        for pool in pools or [jobs[0].pool]:
            pool.unsettled = True
            self.simulator.gave_back(pool)
        self._shed(site)

    def _job(self, row: int) -> Job | None:
        jobs = self.simulator.jobs
        return jobs[row] if row < len(jobs) else None

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
            self.usable_s[node] = self.env.now
            self._switched(pool)
        on.sort(key=lambda node: (bool(node.jobs), -node.index))
        for node in on[: max(len(on) - wanted, 0)]:
            self._dismiss(pool, node)
            self._clear(node)
            node.on = node.down = node.spare = False
            self._switched(pool)

    def _switched(self, pool: Pool) -> None:
        self.simulator.switched(pool)
        if self.spares is not None and pool.index not in self.due:
            self.due.add(pool.index)
            self.env.process(self._see_to(pool, Moment(self.env, self.env.now, CONTROL)))

    def _see_to(self, pool: Pool, behind: Moment):
        """So many nodes are spare, less those that are down."""
        yield behind
        self.due.discard(pool.index)
        lacking = self._lacking(pool)
        idle = [node for node in pool.nodes if node.usable and not node.jobs]
        for node in reversed(idle[len(idle) - min(max(lacking, 0), len(idle)) :]):
            self._dismiss(pool, node)
            node.spare = True
            self.simulator.switched(pool)
        for _ in range(-lacking - self.starting[pool.index]):
            self.starting[pool.index] += 1
            wait_s = self.spares[pool.index][1]
            if wait_s == 0:
                self._start(pool)
            else:
                self.env.process(self._start_later(pool, Moment(self.env, self.env.now + wait_s, CONTROL)))

    def _lacking(self, pool: Pool) -> int:
        down = sum(node.on and node.down for node in pool.nodes)
        return max(self.spares[pool.index][0] - down, 0) - sum(node.spare for node in pool.nodes)

    def _start_later(self, pool: Pool, ready: Moment):
        yield ready
        self._start(pool)

    def _start(self, pool: Pool) -> None:
        self.starting[pool.index] -= 1
        if self._lacking(pool) < 0:
            node = next(node for node in pool.nodes if node.spare)
            node.spare = False
            self.usable_s[node] = self.env.now
            self.simulator.switched(pool)

    def _dismiss(self, pool: Pool, node: Node) -> None:
        """What was promised of a node that jobs could use is not there any more; nobody was promised one of now."""
        if node.usable and self.usable_s.get(node, -1.0) < self.env.now:
            conservative.void(pool)

    def _clear(self, node: Node) -> None:
        for job in reversed(node.everyone):
            self.simulator.stop(job) if isinstance(job, Replica) else self.simulator.evict(job)

    def _shed(self, site: int) -> None:
        power, caps = self.sites[site], self.simulator.case.caps
        capping = caps[site][0] if caps else Capping.ADMISSION
        while power.draw_w() > power.allowed_w:
            running = [job for pool in power.pools for job in pool.running]
            if not running:
                break
            self.simulator.evict(max(running, key=lambda job: leaves_first(job, capping)))
        replicas = [
            replica for service in self.simulator.services for d in service.deployments for replica in d.replicas
        ]
        for replica in reversed(replicas):
            if replica.nodes and replica.pool in power.pools and power.draw_w() > power.allowed_w:
                self.simulator.stop(replica)

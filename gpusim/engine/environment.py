"""One clock for two planes: SimPy for what is rare and is logged, compiled kernels for what is dense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import simpy

from gpusim.engine import border
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import Replicas
from gpusim.engine.layout.fleet import lay_out
from gpusim.engine.playing import PlayedClock
from gpusim.engine.sizes import Sizes
from gpusim.kernels import amending, control, departing, feeding, jobs_on, pace, reading
from gpusim.kernels.state.codes import ABSENT_UNTIL, Cause, Placement, Status, Tier
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.serving import Serving

_NEVER = float("inf")


class FleetEnvironment(PlayedClock):
    """What control processes find, always exactly at ``env.now``, and what they may do to it.

    Whatever a process hands over is checked before a kernel sees it; what cannot be raises ``ProcessError``.

    Attributes
    ----------
    fleet : Fleet
        The state that kernels work on, to be read (docs/semantics.md says what may be written).
    serving : Serving
        The same of inference services.
    sizes : Sizes
        With how many GPUs jobs may run, and how fast they are then.
    finished : simpy.Event
        Fires when every job has ended.
    sites : dict of str to SitePower
        By name: the grid limit and deliveries of each site, for control processes (filled by ``run``).
    links : dict of str to Link
        By name: the WAN links, for control processes (filled by ``run``).
    """

    def __init__(self, fleet: Fleet, serving: Serving | None = None, sizes: Sizes | None = None):
        super().__init__(fleet)
        self._serving = serving or lay_out(Replicas())
        self._sizes = sizes or Sizes.proportional(fleet.jobs["gpus"])
        self._sites, self._links = border.Named(self, "sites"), border.Named(self, "links")
        self._log: Callable[[float, str, str, str, float, str], object] = lambda *_line: None
        self._spares: Callable[[int], object] = lambda _pool: None
        self._serve: Callable[[], object] | None = None
        self._is_to_serve = False
        self._catch_up: Callable[[], object] | None = None
        self._found = np.empty(64, "i8")  # scratch of `jobs_on`

    serving = property(lambda self: self._serving)
    sizes = property(lambda self: self._sizes)
    sites = property(lambda self: self._sites)
    links = property(lambda self: self._links)

    def detach(self) -> Fleet:
        """Give the fleet away at the end: events refer to their environment, which would keep it for long."""
        if self.active_process is not None:
            raise border.refuse(self, "env.detach: the run is still under way; call it after the run has ended")
        fleet, self._fleet = self._fleet, None
        for rule in ("own_dispatch", "own_placement"):  # whose addresses go with the environment
            fleet.scheduling[rule] = 0
        return fleet

    def connect(self, **parts: Callable) -> None:
        """Connect parts of a run.

        ``move(job, link)``; ``log(time_s, ...)`` as below; ``serve()`` shares demand out; ``spares(pool)`` hears of
        nodes that came or went; ``catch_up()`` plays what is told to the fleet only behind the time in which it
        happened; ``heed()`` hears at once of caps that have moved, ``hear(jobs)`` of jobs that started or stopped, in
        classes of which it is told.
        """
        for name, part in parts.items():
            border.known(self, "env.connect", name, ("move", "log", "serve", "spares", "catch_up", "heed", "hear"))
            setattr(self, f"_{name}", border.function(self, f"env.connect: {name}", part))

    # Time and processes ------------------------------------------------------------------------------------------

    def log(self, time_s: float, site: str, kind: str, detail: str, value: float, unit: str = "") -> None:
        """One line of the run's log so far in the table of events; ``site`` is "" for what concerns them all.

        ``unit`` is that of ``value``.
        """
        self._log(
            border.number(self, "env.log: time_s", time_s, 0.0, "s", most=self.now),
            border.known(self, "env.log: site", site, ["", *self.sites]),
            border.text(self, "env.log: kind", kind),
            border.text(self, "env.log: detail", detail),
            border.number(self, "env.log: value", value, -_NEVER, may_be_infinite=True),
            border.text(self, "env.log: unit", unit),
        )

    # What processes do to the fleet ------------------------------------------------------------------------------

    def set_nodes_on(self, pool: int, nodes: int) -> None:
        """Switch nodes of a pool on or off until ``nodes`` are on; what runs on those switched off is evicted."""
        pool = border.whole(self, "env.set_nodes_on: pool", pool, len(self.fleet.pools))
        most = int(self.fleet.pools[pool].n_nodes)
        nodes = border.whole(self, "env.set_nodes_on: nodes", nodes, most + 1)
        control.set_nodes_on(self.fleet, self.serving, pool, nodes, self.now)
        self._spares(pool)
        self.share_demand()

    def set_limit(self, site: int, grid_w: float, cap_w: float) -> None:
        """A site (its row) may draw what its connection gives, or a cap below it [W]; what exceeds it is evicted."""
        site = border.whole(self, "env.set_limit: site", site, len(self.fleet.sites))
        grid_w = border.number(self, "env.set_limit: grid_w", grid_w, 0.0, "W", may_be_infinite=True)
        cap_w = border.number(self, "env.set_limit: cap_w", cap_w, 0.0, "W", may_be_infinite=True)
        control.set_limit(self.fleet, self.serving, site, grid_w, cap_w, self.now)
        self.share_demand()

    def set_feeder_limit(self, pool: int, tier: Tier, limit_w: float) -> None:
        """Each node, rack, busway or hall of a pool carries ``limit_w`` [W] of IT power from now on; caps follow."""
        pool = border.whole(self, "env.set_feeder_limit: pool", pool, len(self.fleet.pools))
        tier = border.whole(self, "env.set_feeder_limit: tier", tier, len(Tier))
        limit_w = border.number(self, "env.set_feeder_limit: limit_w", limit_w, 0.0, "W")
        if self.fleet.pools[pool].feeder_nodes[tier] == 0:
            name = Tier(tier).name.lower()
            raise border.refuse(
                self, f"env.set_feeder_limit: pool {pool} has no limit of a {name}; give one in `feeders`"
            )
        feeding.set_feeder_limit(self.fleet, pool, tier, limit_w)

    def jobs_on(self, node: int) -> list[int]:
        """Rows of the jobs that run on a node."""
        node = border.whole(self, "env.jobs_on: node", node, len(self.fleet.nodes))
        count = jobs_on.list_jobs_on(self.fleet, node, self._found)
        if count > len(self._found):
            self._found = np.empty(2 * count, "i8")
            jobs_on.list_jobs_on(self.fleet, node, self._found)
        return self._found[:count].tolist()

    def fail_node(self, node: int, cause: Cause = Cause.DOWN) -> bool:
        """Fail a node: its jobs are evicted, and its GPUs absent for a cause. False if it was not on."""
        node = border.whole(self, "env.fail_node: node", node, len(self.fleet.nodes))
        if cause not in ABSENT_UNTIL[None]:
            allowed = " or ".join(f"Cause.{one.name}" for one in ABSENT_UNTIL[None])
            raise border.refuse(self, f"env.fail_node: cause: found {border.shown(cause)}; give {allowed}")
        failed = control.fail_node(self.fleet, self.serving, node, int(cause), self.now)
        if failed:
            self._spares(int(self.fleet.nodes[node].pool))
        self.share_demand()
        return failed

    def repair_node(self, node: int) -> bool:
        """Bring a failed node back. False if it was not down."""
        node = border.whole(self, "env.repair_node: node", node, len(self.fleet.nodes))
        repaired = control.repair_node(self.fleet, node, self.now)
        if repaired:
            self._spares(int(self.fleet.nodes[node].pool))
        return repaired

    def depart(self, job: int, pool: int) -> None:
        """A job that waits in a queue leaves for another pool; ``land`` has it join the queue there."""
        job = border.whole(self, "env.depart: job", job, len(self.fleet.jobs))
        pool = border.whole(self, "env.depart: pool", pool, len(self.fleet.pools))
        status = Status(self.fleet.jobs[job].status)
        if status != Status.QUEUED:
            raise border.refuse(self, f"env.depart: job {job} is {status.name.lower()}; give one that waits in a queue")
        departing.depart(self.fleet, job, pool, self.now)

    def land(self, job: int) -> None:
        """The data of a job have arrived: it joins the queue of its pool."""
        job = border.whole(self, "env.land: job", job, len(self.fleet.jobs))
        status = Status(self.fleet.jobs[job].status)
        if status != Status.FETCHING:
            raise border.refuse(
                self, f"env.land: job {job} is {status.name.lower()}; give one whose data are on their way"
            )
        control.land(self.fleet, job, self.now)

    def set_job_rate(self, job: int, rate: float, draw: float | None = None) -> None:
        """Have a running job go at another rate from now on, until its run is over.

        Rates multiply: that of the job, of its pool and of its site. If the site then draws more than it may, jobs are
        evicted.

        Parameters
        ----------
        job : int
            Row of a job that runs.
        rate : float
            Seconds of its course that the run does in a second: 1 to begin with; 0 pauses it, on its GPUs.
        draw : float, optional
            What it draws above idle meanwhile, of its draw at rate 1; absent: as much as the rate.
        """
        job = self._running("set_job_rate", job)
        self._pace("set_job_rate", pace.set_job_rate, job, rate, draw)

    def set_storage_rate(self, job: int, rate: float, until_s: float) -> None:
        """Have a running job go at a rate that storage gives it up to a point of its course, whatever slows or pauses
        it otherwise; 0: it is there now.

        What it draws stays as it is. Its time until then is loading or writing a checkpoint, none of it slowed.

        Parameters
        ----------
        job : int
            Row of a job that runs.
        rate : float
            Seconds of its course in a second. Once it is at ``until_s`` it goes on at this rate until this is called
            with 0.
        until_s : float
            [s] A point of its course, ahead of where it is.
        """
        job = self._running("set_storage_rate", job)
        rate = border.number(self, "env.set_storage_rate: rate", rate, 0.0)
        until_s = border.number(self, "env.set_storage_rate: until_s", until_s, 0.0, "s")
        progress_s, _rate = reading.progress_and_rate(self.fleet, job, self.now)
        if rate > 0.0 and until_s < progress_s:
            raise border.refuse(
                self,
                f"env.set_storage_rate: found until_s of {until_s:g} s, and the run is {progress_s:g} s along its"
                " course; give a point ahead of it",
            )
        self.make_segment_room()
        pace.set_storage_rate(self.fleet, job, rate, until_s, self.now)

    def set_job_gpus(self, job: int, gpus: int) -> None:
        """Have a job ask for another number of GPUs from now on; how fast it is then, its class says (``scaling``).

        A run is cut short, as by an eviction: the job goes back to its old place in its queue, and goes on from what
        its checkpoints have kept, with load time, once the GPUs that it shall have are there; at once if they are.

        Parameters
        ----------
        job : int
            Row of a job that waits in a queue or runs.
        gpus : int
            At least 1, and no more than its pool has when complete; in the range of its class if that has one.
        """
        job = border.whole(self, "env.set_job_gpus: job", job, len(self.fleet.jobs))
        status = Status(self.fleet.jobs[job].status)
        if status not in (Status.QUEUED, Status.RUNNING):
            raise border.refuse(
                self, f"env.set_job_gpus: job {job} is {status.name.lower()}; give one that waits in a queue or runs"
            )
        most = int(self.fleet.pools[self.fleet.jobs[job].pool].planned)
        least = 1
        if self.sizes.ranged[job]:
            least, most = int(self.sizes.least[job]), min(int(self.sizes.most[job]), most)
        gpus = border.whole(self, "env.set_job_gpus: gpus", gpus, most + 1, least)
        if Placement(int(self.fleet.scheduling[0].placement)).by_score:
            raise border.refuse(
                self, "env.set_job_gpus: the placement scores nodes for the sizes that jobs have from the start; give"
                " scheduler.placement best_fit, first_fit or spread"
            )  # fmt: skip
        self.make_segment_room()
        one, before = np.array([job]), np.array([self.fleet.jobs[job].gpus])
        times = float(self.sizes.times(one, before, np.array([gpus]))[0])
        amending.set_job_gpus(self.fleet, job, gpus, times, self.now)

    def set_pool_rate(self, pool: int, rate: float, draw: float | None = None) -> None:
        """The same for all jobs of a pool, those that start later too, until it is set anew."""
        pool = border.whole(self, "env.set_pool_rate: pool", pool, len(self.fleet.pools))
        self._pace("set_pool_rate", pace.set_pool_rate, pool, rate, draw)

    def set_site_rate(self, site: int, rate: float, draw: float | None = None) -> None:
        """The same for all jobs of a site."""
        site = border.whole(self, "env.set_site_rate: site", site, len(self.fleet.sites))
        self._pace("set_site_rate", pace.set_site_rate, site, rate, draw)

    def _running(self, name: str, job: int) -> int:
        job = border.whole(self, f"env.{name}: job", job, len(self.fleet.jobs))
        if self.fleet.jobs[job].status != Status.RUNNING:
            status = Status(self.fleet.jobs[job].status).name.lower()
            raise border.refuse(self, f"env.{name}: job {job} is {status}; give one that runs")
        return job

    def _pace(self, name: str, change: Callable, row: int, rate: float, draw: float | None) -> None:
        rate = border.number(self, f"env.{name}: rate", rate, 0.0)
        draw = rate if draw is None else border.number(self, f"env.{name}: draw", draw, 0.0)
        self.make_segment_room()
        change(self.fleet, self.serving, row, rate, draw, self.now)
        self.share_demand()

    def share_demand(self) -> None:
        """Have services share their demand out anew, behind all that control processes and they do at this instant."""
        if self._serve is not None and not self._is_to_serve:
            self._is_to_serve = True  # once, however many nodes of a rack break
            self.at(self.now, EventPriority.SHARING).callbacks.append(self._share)

    def _share(self, _event: simpy.Event) -> None:
        self._is_to_serve = False
        self._serve()

    def settle(self) -> None:
        """Bring every running integral up to now."""
        if self._catch_up is not None:
            self._catch_up()
        reading.settle_all(self.fleet, self.now)

    def metered(self, site: int) -> tuple[float, float, float]:
        """What a site (its row) has drawn up to now [J], what that cost [USD] and emitted [g].

        What is not settled yet is read, not booked: reading changes nothing.
        """
        site = border.whole(self, "env.metered: site", site, len(self.fleet.sites))
        if self._catch_up is not None:
            self._catch_up()
        row = self.fleet.sites[site]
        more_j = reading.facility_w(self.fleet, site) * float(self.now - row.settled_s)
        usd, grams = row.cost_usd + more_j * row.price_usd_per_j, row.carbon_g + more_j * row.carbon_g_per_j
        return float(row.facility_j + more_j), float(usd), float(grams)

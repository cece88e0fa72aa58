"""What takes part in a run, put together before it begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from simpy.core import StopSimulation

from gpusim import rng
from gpusim.engine import at_events, processes
from gpusim.engine.assigning import FleetRounds
from gpusim.engine.build import build_fleet, names_of
from gpusim.engine.clock import EventPriority
from gpusim.engine.cooling import CoolingPlant, HallCooling
from gpusim.engine.doors import Rounds
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.exchanges import Exchanges, Partners
from gpusim.engine.failures import Breakdowns, Rota
from gpusim.engine.following import FollowedSite, Follower, follow_signals
from gpusim.engine.hidden_faults import Checks, HiddenFaults
from gpusim.engine.layout.fleet import lay_out
from gpusim.engine.links import Network, set_bandwidth
from gpusim.engine.meter import MarginalCarbon
from gpusim.engine.mover import Mover
from gpusim.engine.on_site.plant import OnSitePlant
from gpusim.engine.power import SitePower
from gpusim.engine.processes import cycle
from gpusim.engine.recorder import Recorder
from gpusim.engine.serving.prepared import prepare
from gpusim.engine.serving.services import Services
from gpusim.engine.serving.user_traffic import UserTraffic
from gpusim.engine.shared_storage import CheckpointSizes, SharedStorage
from gpusim.engine.sizes import sizes_of
from gpusim.engine.spares import Shrinking, Spares
from gpusim.engine.storage import fastest_write_s, is_shared, read_gb_s, usual_read_s, write_gb_s
from gpusim.engine.surroundings import check_halls, marginal_carbon, peak_overhead, site_signals
from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.failures import draw_failures, draw_lemons, found_after_s
from gpusim.inputs.jobtable import JobTable
from gpusim.inputs.repairs import outages
from gpusim.inputs.synthetic import exchanging_runs, partners
from gpusim.policies.loading import load_policy
from gpusim.policies.policy import decides_in_rounds
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.link import paths
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import planned_w
from gpusim.units import BYTES_PER_GB, DAY_S, HOUR_S, MS_PER_S


class Assembly:
    """The environment of one run with all its processes.

    Attributes
    ----------
    env : FleetEnvironment
    names : Names
    hourly, signals : list of SiteSignals
        By site: as they are read, and as the run sees them.
    recorder : Recorder
    plants, own, marginals, halls
        What cools the sites, generates on them, meters marginal carbon, and cools halls with limits.
    network, mover
        Links between sites, and what moves over them.
    breakdowns : Breakdowns or None
    """

    def __init__(self, scenario: Scenario, table: JobTable, seed: int):
        self.scenario, self.duration_s = scenario, scenario.run.days * DAY_S
        names = self.names = names_of(scenario, table)
        by_site = site_signals(scenario, self.duration_s, seed)
        found = [by_site[site] for site in names.sites]
        self.hourly = [signals for signals, _notes in found]
        self.input_notes = tuple(
            f"sites.{site}.{what}: {count:,}"
            for site, (_signals, odd) in zip(names.sites, found)
            for what, count in odd.items()
        )
        self.signals = list(self.hourly)
        planned = np.array([scenario.sites[site].pools[kind].gpus.peak() for site, kind in names.pools])
        prepared = prepare(scenario, names, planned, seed)
        self.engines = prepared.engines
        serving = lay_out(prepared.replicas)
        policy = scenario.scheduler.policy
        self.policy = load_policy(policy, **scenario.scheduler.arguments) if policy else None
        deciders = at_events.deciders(scenario.scheduler, self.policy, scenario.workload.share_gpus)
        fleet = build_fleet(scenario, table, names, serving, self.policy, seed)
        self.env = env = FleetEnvironment(fleet, serving, sizes_of(scenario, table))
        at_events.connect(env, names, deciders)
        services = self._services = Services(env, prepared) if prepared.deployments else None
        self.plants: list[CoolingPlant] = []
        self.own: list[OnSitePlant] = []
        self.marginals: dict[int, MarginalCarbon] = {}
        self.halls: list[HallCooling] = []
        self.recorder = Recorder(env, names, self.signals, services, self.plants, self.marginals)
        env.connect(log=self.recorder.log)
        self._followed: list[FollowedSite] = []
        env.process(follow_signals(env, self._followed))
        for s, site in enumerate(names.sites):
            for what, count in found[s][1].items():
                self.recorder.log(0.0, site, "input", what, count)
            self._open_site(s, site, seed)
        self._open_links(table, seed)
        spares = {p: (scenario.sites[site].pools[kind].spare_nodes, scenario.sites[site].pools[kind].spare_start_s)
                  for p, (site, kind) in enumerate(names.pools)}  # fmt: skip
        if any(nodes for nodes, _start_s in spares.values()):
            env.connect(spares=Spares(env, spares).look_at)
        if services:
            env.process(services.run())
        self.breakdowns = None
        self._listeners: list[Callable[[list[int]], None]] = []
        self._open_storage(table)
        if scenario.failures.causes or scenario.failures.maintenance:
            self._open_failures(table, seed)
        if self._listeners:
            env.connect(hear=lambda jobs: [hear(jobs) for hear in self._listeners])
        if len(pairs := partners(scenario.workload, table)):
            env.process(Partners(env, pairs).play())
        rows = {ends: row for row, ends in enumerate(paths(scenario.links))}
        if services and rows:
            UserTraffic(env, self.network, services, scenario.services, names.regions, rows).start()
        self._open_exchanges(table, rows)
        if scenario.scheduler.mode == "cycle":
            env.process(cycle(env, scenario.scheduler.cycle_s, self._passes()))

    @property
    def overheads(self) -> dict[str, float]:
        """Facility watts per IT watt of each site at the hottest hour."""
        return {site: float(self.env.fleet.sites[power.site].peak_overhead) for site, power in self.env.sites.items()}

    def _passes(self) -> Callable[[], None]:
        """What cycle mode does at every cycle."""
        if not decides_in_rounds(self.policy):
            return self.env.run_passes
        order = self.scenario.scheduler.order
        if hasattr(self.policy, "assign"):
            return FleetRounds(self.env, self.policy, order, self.names, self.mover)
        return Rounds(self.env, self.policy, order, self.names)

    def _open_site(self, s: int, site: str, seed: int) -> None:
        env, names, spec = self.env, self.names, self.scenario.sites[site]
        start = self.scenario.run.start
        row = env.fleet.sites[s]
        signals = self.signals[s]
        # Nodes are on by the hottest hour, whatever the interval over which signals are averaged.
        row.peak_overhead = peak_overhead(spec.cooling, signals, self.duration_s)
        check_halls(self.scenario, site, signals, self.duration_s)
        if (interval_s := self.scenario.run.signal_s) is not None:
            signals = SiteSignals(*(signal.coarse(interval_s, self.duration_s) for signal in signals))
            self.signals[s] = signals
        mine = range(int(row.first_pool), int(row.first_pool + row.n_pools))
        pools = env.fleet.pools
        rated_w = sum(float(pools[p].planned * pools[p].rated_w_per_gpu) for p in mine)
        row.fixed_w = spec.cooling.losses.fixed * rated_w
        row.square_per_w = spec.cooling.losses.square / rated_w if rated_w > 0.0 else 0.0
        power = env.sites[site] = SitePower(
            env, s, spec.oversubscription, [planned_w(spec.power_plan, self.scenario.gpus[kind]) for kind in spec.pools]
        )
        log = self.recorder.log
        plant = CoolingPlant(env, power, spec.cooling, signals, rated_w, log, site)
        self.plants.append(plant)
        halls = [
            HallCooling(env, p, hall, spec.cooling, signals, log, site, kind)
            for p in mine
            for kind in [names.pools[p][1]]
            if (feeders := spec.pools[kind].feeders) and (hall := feeders.hall) and hall.design_c is not None
        ]
        self.halls += halls
        followers: list[Follower] = [plant, *halls]
        marginal = marginal_carbon(self.scenario, site, signals.carbon_g_per_kwh, self.duration_s)
        if marginal is not None:
            is_followed = self.scenario.scheduler.carbon == "marginal"
            self.marginals[s] = MarginalCarbon(env, power, marginal, is_followed)
            followers.append(self.marginals[s])
        more = [] if marginal is None else [marginal]
        self._followed.append(FollowedSite(env, s, signals, followers, more))
        if spec.hall_mw is not None:
            env.process(processes.open_halls(env, power, spec.hall_mw.steps(start), site, log))
        env.process(processes.energise(env, power, spec.grid_mw.steps(start), site, log))
        if spec.on_site is not None:
            self.own.append(OnSitePlant(env, power, site, spec, signals, start, self.duration_s, seed, log))
        for p in mine:
            kind = names.pools[p][1]
            env.process(processes.deliver(env, power, p, spec.pools[kind].gpus.steps(start), site, kind, log))

    def _open_failures(self, table: JobTable, seed: int) -> None:
        env, names, failures = self.env, self.names, self.scenario.failures
        shrinking = {name for name, kind in self.scenario.workload.classes.items() if kind.after_failure == "shrink"}
        may_shrink = np.array([name in shrinking for name in table.names["job_class"]], dtype=bool)[table["job_class"]]
        drawn = draw_failures(self.scenario, self.duration_s, seed)
        hidden = None
        if failures.start_check_finds > 0.0:
            hidden = HiddenFaults(failures.start_check_finds, rng.stream(seed, "failures", "checks before starts"))
        shrink = Shrinking(env, may_shrink) if may_shrink.any() else None
        found_s = found_after_s(drawn, failures.causes, seed)
        kinds = [self.scenario.workload.classes.get(name) for name in table.names["job_class"]]
        every = np.array([kind.validate_every or 0 if kind else 0 for kind in kinds], "i8")[table["job_class"]]
        validate = every if every.any() else None
        self.breakdowns = Breakdowns(env, drawn, failures.causes, names, shrink, found_s, validate, hidden)
        if hidden is not None:
            self.breakdowns.hide_lemons(draw_lemons(self.scenario, seed), failures.lemon_factor)
            check_s = np.array([kind.check_s if kind else 0.0 for kind in kinds])[table["job_class"]]
            self._listeners.append(Checks(env, check_s, hidden).hear)
        env.process(self.breakdowns.play())
        for name, spec in failures.maintenance.items():
            for p, (site, kind) in enumerate(names.pools):
                if spec.concerns(site, kind):
                    rota = Rota(self.breakdowns, name, spec, p, self.scenario.gpus[kind], self.duration_s)
                    env.process(rota.play())

    def _open_storage(self, table: JobTable) -> None:
        scenario, sites = self.scenario, self.names.sites
        if not is_shared(scenario):
            return
        read, write = (
            {s: of(scenario, site) * BYTES_PER_GB for s, site in enumerate(sites)} for of in (read_gb_s, write_gb_s)
        )
        kinds = [scenario.workload.classes.get(name, JobClass()) for name in table.names["job_class"]]
        columns = [
            (
                kind.stored_gb * BYTES_PER_GB,
                usual_read_s(scenario, kind),
                fastest_write_s(scenario, kind) if kind.checkpoint_stops_work else 0.0,
            )
            for kind in kinds
        ]
        sizes = CheckpointSizes(*np.array(columns).reshape(-1, 3)[table["job_class"]].T)
        self._listeners.append(SharedStorage(self.env, read, write, sizes).hear)

    def _open_links(self, table: JobTable, seed: int) -> None:
        env, start, specs = self.env, self.scenario.run.start, list(self.scenario.links.values())
        ways = list(paths(self.scenario.links).values())
        latency_s = [sum(specs[i].latency_ms for i in way) / MS_PER_S for way in ways]
        network = self.network = Network(env, ways, latency_s)
        for (name, spec), link in zip(self.scenario.links.items(), network.links, strict=True):
            env.links[name] = link
            random = rng.stream(seed, "links", name)
            out_s = outages(random, spec.outage_share, spec.outage_h * HOUR_S, self.duration_s)
            env.process(
                set_bandwidth(env, link, spec.gbps.steps(start), spec.efficiency, name, self.recorder.log, out_s)
            )
        mover = self.mover = Mover(network, self.scenario, self.names, table)
        env.connect(move=lambda job, row: env.process(mover.fetch(job, row)))

    def _open_exchanges(self, table: JobTable, rows: dict[frozenset[str], int]) -> None:
        for spec, runs in exchanging_runs(self.scenario.workload, table):
            for parts in runs:
                self.env.process(Exchanges(self.env, self.network, self.names.regions, rows, spec, parts).play())

    def play(self, progress: Callable[[float], None] | None) -> float:
        """Run to the end; the time [s] at which it came."""
        env, run = self.env, self.scenario.run

        def act() -> None:
            self.recorder.snapshot()
            if progress is not None:
                progress(env.now / self.duration_s)

        env.process(processes.tick(env, run.record_s, act))
        if run.drain:
            env.finished.callbacks.append(StopSimulation.callback)
        env.run(until=env.at(self.duration_s, EventPriority.OVER))
        if env.now == 0.0:  # without jobs, or with none that takes time: there is one interval all the same
            env.run(until=env.at(min(run.record_s, self.duration_s), EventPriority.OVER))
        if self._services is not None:
            self._services.close()
        self.recorder.snapshot()
        return env.now

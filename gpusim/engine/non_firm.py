"""Calls of the grid for the part of a connection that is not firm, and what sites do about them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim import rng
from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.runs import split_runs, taken_gpu_s
from gpusim.inputs.climatology import SiteSignals
from gpusim.kernels.state.codes import Cause, Status, Wait
from gpusim.regulation.curtailment import calls_s
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import NonFirm
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH, WATT_PER_MW, Intervals

BY = "non-firm connection"
COLUMNS = {
    "site": "str", "asked_s": float, "start_s": float, "end_s": float, "grid_mw": float, "limit_mw": float,
    "drawn_mw": float, "backup_mwh": float, "backup_usd": float, "gpu_hours": float, "lost_usd": float,
}  # fmt: skip


@dataclass
class _Call:
    """A call that was announced; what a site had lost by then, by pool [GPU-s]."""

    site: str
    asked_s: float
    lost_gpu_s: dict[int, float]
    start_s: float = 0.0
    start_j: float = 0.0
    grid_w: float = 0.0
    limit_w: float = 0.0
    end_s: float = np.inf
    drawn_j: float = 0.0


class Curtailments:
    """The calls of one run. ``signals``: of every site, in its order; ``seed`` feeds those at random."""

    def __init__(
        self, env: FleetEnvironment, scenario: Scenario, names: Names, signals: Sequence[SiteSignals], seed: int
    ):
        self.env, self.scenario, self.names = env, scenario, names
        self._calls: list[_Call] = []
        duration_s = scenario.run.days * DAY_S
        for (site, spec), known in zip(scenario.sites.items(), signals, strict=True):
            if spec.non_firm is not None:
                price = (known.price_usd_per_mwh.times_s, known.price_usd_per_mwh.values)
                random = rng.stream(seed, "non-firm", spec.region)
                spans = calls_s(spec.non_firm, scenario.run.start, duration_s, price, random)
                env.process(self._answer(site, spec.non_firm, spans))

    def table(self) -> pd.DataFrame:
        """One row per call that has begun.

        Returns
        -------
        DataFrame
            site, asked_s (when it was announced), start_s, end_s, grid_mw (the connection), limit_mw (what was left,
            with the backup), drawn_mw (mean, but for what was made or stored on site), backup_mwh, backup_usd,
            gpu_hours (lost: idle since the announcement, undone by evictions, slowed or paused), lost_usd (what these
            would have earned).
        """
        for call in self._calls:
            if call.end_s == np.inf:
                self._end(call)
        earnings, slowed_s = Earnings.of(self.scenario), self._slowed_gpu_s()
        rows = []
        for call in self._calls:
            spec = self.scenario.sites[call.site].non_firm
            hours = (call.end_s - call.start_s) / HOUR_S
            drawn_mw = call.drawn_j / JOULE_PER_MWH / hours if hours else 0.0
            backup_mwh = min(spec.backup_mw, drawn_mw) * hours
            lost = {p: (gpu_s + slowed_s(call, p)) / HOUR_S for p, gpu_s in call.lost_gpu_s.items()}
            usd = sum(float(earnings.at(*self.names.pools[p], call.start_s)) * hours for p, hours in lost.items())
            rows.append(
                (call.site, call.asked_s, call.start_s, call.end_s, call.grid_w / WATT_PER_MW,
                 call.limit_w / WATT_PER_MW, drawn_mw, backup_mwh, backup_mwh * spec.backup_usd_per_mwh,
                 sum(lost.values()), usd)
            )  # fmt: skip
        rows.sort(key=lambda row: (row[2], row[0]))
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def _answer(self, site: str, spec: NonFirm, spans: Intervals) -> Generator:
        """Control process of a site: its calls, one after the other."""
        env, power = self.env, self.env.sites[site]
        for from_s, to_s in spans:
            yield env.at(max(from_s - spec.notice_s, env.now))
            call = _Call(site, env.now, self._lost_gpu_s(site))
            power.expect(self._limit_w(site, spec))
            if spec.response == "drain":
                yield from self._drain(site, spec, from_s)
            yield env.at(from_s)
            call.start_s, call.start_j = env.now, self.env.sites[site].from_grid_j()
            call.grid_w, call.limit_w = power.grid_w, self._limit_w(site, spec)
            self._calls.append(call)
            paused = self._pause(site, call.limit_w) if spec.response == "pause" else []
            if call.limit_w < power.grid_w:
                power.set_cap(call.limit_w, BY, Wait.CURTAILED)
            limit_mw, grid_mw = call.limit_w / WATT_PER_MW, call.grid_w / WATT_PER_MW
            env.log(env.now, site, "curtailment", f"{limit_mw:,.4g} of {grid_mw:,.4g} MW", limit_mw, "MW")
            yield env.at(to_s)
            self._end(call)
            power.expect(np.inf)
            power.set_cap(np.inf, BY, Wait.CURTAILED)
            self._resume(paused)
            env.log(env.now, site, "curtailment", "ends", grid_mw, "MW")

    def _limit_w(self, site: str, spec: NonFirm) -> float:
        grid_w = self.env.sites[site].grid_w
        return min(grid_w, max(0.0, grid_w - spec.mw * WATT_PER_MW) + spec.backup_mw * WATT_PER_MW)

    def _drain(self, site: str, spec: NonFirm, until_s: float) -> Generator:
        """Let nothing start that would have the site draw more than what still runs, until a moment [s]."""
        env, power = self.env, self.env.sites[site]

        def lower(_ended: object = None) -> None:
            if env.now < until_s:
                # Of the grid: what still runs, less what generators of the site's own give.
                still_w = self._counted_w(site) - (power.firm_w - power.grid_w)
                power.set_cap(max(self._limit_w(site, spec), still_w), BY, Wait.CURTAILED)

        lower()
        for j in self._running(site):
            env.completion(j).callbacks.append(lower)
        yield env.at(until_s)

    def _pause(self, site: str, limit_w: float) -> list[tuple[int, float]]:
        """Pause jobs, the latest started first, until the site stays within a limit: (row, start of its run [s])."""
        paused = []
        for j in self._running(site):
            if self._counted_w(site) <= self.env.sites[site].under(limit_w):
                break
            paused.append((j, float(self.env.fleet.jobs[j].start_s)))
            self.env.set_job_rate(j, 0.0)
        return paused

    def _running(self, site: str) -> list[int]:
        """Rows of the jobs that run at a site, the latest started first, of these the greatest row."""
        jobs, pools = self.env.fleet.jobs, self.env.fleet.pools
        running = np.flatnonzero(jobs["status"] == Status.RUNNING)
        running = running[pools["site"][jobs["pool"][running]] == self.env.sites[site].site]
        return running[np.lexsort((-running, -jobs["start_s"][running]))].tolist()

    def _resume(self, paused: list[tuple[int, float]]) -> None:
        for j, start_s in reversed(paused):
            job = self.env.fleet.jobs[j]
            if job.status == Status.RUNNING and job.start_s == start_s:
                self.env.set_job_rate(j, 1.0)

    def _end(self, call: _Call) -> None:
        """Close the account of a call."""
        call.end_s = self.env.now
        call.drawn_j = self.env.sites[call.site].from_grid_j() - call.start_j
        now_s = self._lost_gpu_s(call.site)
        call.lost_gpu_s = {p: now_s[p] - before_s for p, before_s in call.lost_gpu_s.items()}

    def _counted_w(self, site: str) -> float:
        """[W] What the site draws with all replicas at work, at the run's hottest hour, whatever caps could take."""
        row = self.env.fleet.sites[self.env.sites[site].site]
        return float((row.it_w + row.serving_headroom_w) * row.peak_overhead + row.fixed_w)

    def _lost_gpu_s(self, site: str) -> dict[int, float]:
        """GPU-seconds booked as idle for calls, and of work that evictions have undone, by pool."""
        self.env.settle()
        power = self.env.sites[site]
        pools = range(power.first_pool, power.first_pool + power.n_pools)
        return taken_gpu_s(self.env.fleet, Cause.IDLE_CURTAILED, pools)

    def _slowed_gpu_s(self) -> Callable[[_Call, int], float]:
        """Of a call and a pool, the GPU-seconds that its jobs were slowed or paused for."""
        turns_s = [moment for call in self._calls for moment in (call.start_s, call.end_s)]
        edges_s = np.unique([0.0, *turns_s, self.env.now])
        spans = [power.binds_s[Wait.CURTAILED] for power in self.env.sites.values()]
        booked = split_runs(self.env.fleet, edges_s, {Cause.SLOWED_CURTAILED: spans})[0][Cause.SLOWED_CURTAILED]
        first = {moment: i for i, moment in enumerate(edges_s.tolist())}
        return lambda call, pool: float(booked[first[call.start_s] : first[call.end_s], pool].sum())

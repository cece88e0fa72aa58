"""Rules that act on a running fleet: curtailment, metering of coincident peaks, drawing less when one is forecast."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import pandas as pd

from gpusim import rng
from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.runs import taken_gpu_s
from gpusim.inputs.climatology import SiteSignals
from gpusim.kernels.state.codes import Cause
from gpusim.regulation.curtailment import emergencies, limit_mw, subject
from gpusim.regulation.efficiency import connection_entries, efficiency_entries
from gpusim.regulation.reporting import reporting_entries
from gpusim.regulation.scope import in_force_s, sites_under
from gpusim.regulation.tariffs import QUARTER_S, Peak, called_s, capacity_entries, peaks, transmission_usd
from gpusim.results.tables.rules import RuleEntry, table
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.rule import CapacityPrice, CoincidentPeaks, Connection, Curtailment, Efficiency, Reporting
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S, WATT_PER_MW

# Kinds of rules that only look at what a site drew, and how.
AFTERWARDS = {
    CapacityPrice: capacity_entries,
    Efficiency: efficiency_entries,
    Reporting: reporting_entries,
    Connection: connection_entries,
}


@dataclass
class LimitSet:
    """A limit below its grid connection that a rule has set at a site, and what that has cost so far."""

    what: str
    start_s: float
    limit_mw: float
    facility_j: float  # at its start
    gpu_hours: float = 0.0
    usd: float = 0.0


class Regulation:
    """The rules of a scenario at work in one run.

    Attributes
    ----------
    entries : list of RuleEntry
        What they did so far.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        scenario: Scenario,
        names: Names,
        signals: list[SiteSignals],
        seed: int,
        entries: list[RuleEntry],
    ):
        self.env, self.scenario, self.names, self.entries = env, scenario, names, list(entries)
        self._earnings = Earnings.of(scenario)
        self._signals = dict(zip(names.sites, signals, strict=True))
        self._calls: dict[str, dict[str, LimitSet]] = {site: {} for site in names.sites}  # by site and rule
        self._booked_gpu_s: dict[str, dict[int, float]] = {}
        duration_s = scenario.run.days * DAY_S
        acts = {Curtailment: self._curtail, CoincidentPeaks: self._charge_peaks}
        for name, rule in scenario.rules.enforced():
            span_s = in_force_s(rule, scenario.run.start, duration_s)
            act = next((act for kind, act in acts.items() if isinstance(rule, kind)), None)
            sites = sites_under(scenario, rule) if act and span_s else []
            if sites:
                act(name, rule, sites, span_s, seed)

    def table(self, power: pd.DataFrame, end_s: float) -> pd.DataFrame:
        """All that the rules did in a run that ended at ``end_s`` [s], by its table of power."""
        for site, calls in self._calls.items():
            for name in list(calls):
                self._lift(name, site)
        scenario, entries = self.scenario, list(self.entries)
        for name, rule in scenario.rules.enforced():
            span_s = in_force_s(rule, scenario.run.start, end_s)
            found = next((function for kind, function in AFTERWARDS.items() if isinstance(rule, kind)), None)
            for site in sites_under(scenario, rule) if found and span_s else ():
                entries += found(name, rule, scenario, site, power[power["site"] == site], span_s)
        return table(entries)

    # Limits below the grid connection ----------------------------------------------------------------------------

    def _curtail(self, name: str, rule: Curtailment, sites: list[str], span_s: tuple[float, float], seed: int) -> None:
        start = self.scenario.run.start
        spans = emergencies(rule, rng.stream(seed, "rule", name), span_s)
        for site in sites:
            spec = self.scenario.sites[site]
            if subject(rule, spec, start):
                self.env.process(
                    self._limit(name, site, "curtailment", spans, lambda mw, s=spec: limit_mw(rule, s, start, mw))
                )

    def _limit(
        self, name: str, site: str, what: str, spans: list[tuple[float, float]], limit: Callable[[float], float]
    ) -> Generator:
        """Limit a site in some spans [s] to ``limit`` of its grid connection, both in MW."""
        for from_s, to_s in spans:
            yield self.env.at(max(from_s, self.env.now))  # one span may begin where the last one ends
            grid_mw = self.env.sites[site].grid_w / WATT_PER_MW
            if limit(grid_mw) >= grid_mw:
                continue
            self._call(name, site, what, limit(grid_mw), grid_mw)
            yield self.env.at(to_s)
            self._lift(name, site)

    def _call(self, name: str, site: str, what: str, limit_mw: float, grid_mw: float) -> None:
        env = self.env
        self._book(site)
        self._calls[site][name] = LimitSet(what, env.now, limit_mw, self.env.sites[site].from_grid_j())
        env.sites[site].set_cap(limit_mw * WATT_PER_MW, by=name)
        env.log(env.now, site, "rule", f"{name}: {what}, {limit_mw:,.4g} of {grid_mw:,.4g} MW", limit_mw, "MW")

    def _lift(self, name: str, site: str) -> None:
        env = self.env
        self._book(site)
        call = self._calls[site].pop(name)
        drawn_j = self.env.sites[site].from_grid_j() - call.facility_j
        drawn_mw = drawn_j / max(env.now - call.start_s, 1e-9) / WATT_PER_MW
        detail = f"limit of {call.limit_mw:,.4g} MW, {drawn_mw:,.4g} MW drawn"
        self.entries.append(
            RuleEntry(
                name,
                site,
                call.start_s,
                env.now,
                call.what,
                detail,
                drawn_mw,
                call.limit_mw,
                binds=call.gpu_hours > 0.0,
                gpu_hours=call.gpu_hours,
                usd=call.usd,
                unit="MW",
            )  # fmt: skip
        )
        env.sites[site].set_cap(float("inf"), by=name)
        env.log(env.now, site, "rule", f"{name}: {call.what} ends", env.sites[site].grid_w / WATT_PER_MW, "MW")

    def _book(self, site: str) -> None:
        """Book what a site has lost since the last time under its call with the lowest limit, the first of equals."""
        self.env.settle()
        lost_s, before_s = self._lost_gpu_s(site), self._booked_gpu_s.get(site)
        self._booked_gpu_s[site] = lost_s
        if not self._calls[site]:
            return
        call = min(self._calls[site].values(), key=lambda call: call.limit_mw)
        for p, gpu_s in lost_s.items():
            gpu_hours = (gpu_s - before_s[p]) / HOUR_S
            call.gpu_hours += gpu_hours
            call.usd += gpu_hours * float(self._earnings.at(*self.names.pools[p], self.env.now))

    # Coincident peaks --------------------------------------------------------------------------------------------

    def _charge_peaks(
        self, name: str, rule: CoincidentPeaks, sites: list[str], span_s: tuple[float, float], seed: int
    ) -> None:
        """The grid's temperature is that of the first site; where sites have files of their own these may differ."""
        start, temperature = self.scenario.run.start, self._signals[sites[0]].dry_bulb_c.at_all
        for peak in peaks(rule, start, span_s, temperature):
            for site in sites:
                self.env.process(self._meter(name, rule, site, peak))
        if rule.avoid_to is None:
            return
        spans = called_s(rule, start, span_s, temperature, rng.stream(seed, "rule", name, "forecast"))
        for site in sites:
            self.env.process(self._limit(name, site, "avoidance", spans, lambda mw: rule.avoid_to * mw))

    def _meter(self, name: str, rule: CoincidentPeaks, site: str, peak: Peak) -> Generator:
        yield self.env.at(peak.time_s)
        before_j = self.env.sites[site].from_grid_j()
        yield self.env.at(peak.time_s + QUARTER_S)
        mw = (self.env.sites[site].from_grid_j() - before_j) / QUARTER_S / WATT_PER_MW
        usd = peak.share * transmission_usd([mw], rule.usd_per_kw_year)
        detail = f"{rule.variant} of {peak.month}: {mw:,.4g} MW, {peak.share:.1%} of the yearly charge"
        end_s = peak.time_s + QUARTER_S
        self.entries.append(
            RuleEntry(name, site, peak.time_s, end_s, "peak", detail, mw, binds=usd > 0.0, usd=usd, unit="MW")
        )

    # Reading the fleet -------------------------------------------------------------------------------------------

    def _pools(self, site: str) -> range:
        power = self.env.sites[site]
        return range(power.first_pool, power.first_pool + power.n_pools)

    def _lost_gpu_s(self, site: str) -> dict[int, float]:
        """GPU-seconds booked as idle for a rule, and of work that evictions have undone, by pool."""
        return taken_gpu_s(self.env.fleet, Cause.IDLE_RULE, self._pools(site))

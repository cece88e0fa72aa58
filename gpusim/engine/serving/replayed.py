"""What a site's services drew second by second: their requests served again, on as many replicas as the run had.

A result has means of record intervals. For each of these the requests of a service that came then, those of the run
by the same streams of random numbers, are served by the same kernels and step times on the mean number of replicas of
each deployment, which start empty ``LEAD_S`` before. What that draws is scaled to what the run booked. Where several
deployments share the requests, each gets its share of the tokens at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gpusim import gangs, rng
from gpusim.engine.serving.arrivals import Arrivals
from gpusim.engine.serving.engines import ServingEngine, serving_engines
from gpusim.engine.serving.prepared import arrivals_of, replica_rate
from gpusim.results.tables.record import Record
from gpusim.scenario.hardware import above_idle_w
from gpusim.scenario.inference import Routing
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.service import Service
from gpusim.serving.deployment import Deployment
from gpusim.serving.phases import Phases, phases
from gpusim.serving.replay import replay
from gpusim.serving.requests import too_long

LEAD_S = 600.0
PIECE_S = 3600.0  # of arrivals that are drawn at a time


@dataclass(frozen=True)
class ReplayedInterval:
    """What one deployment drew above idle in one record interval: ``booked_j`` [J] in the shape of ``drawn``."""

    start_s: float
    end_s: float
    booked_j: float
    drawn: Phases

    def energy_j(self, at_s: np.ndarray) -> np.ndarray:
        """[J] From its start up to some moments."""
        within_s = np.clip(at_s, self.start_s, self.end_s)
        before_j, whole_j = self.drawn.energy_j(np.array([self.start_s, self.end_s]))
        if whole_j <= before_j:  # as its mean
            return (within_s - self.start_s) / (self.end_s - self.start_s) * self.booked_j
        return (self.drawn.energy_j(within_s) - before_j) / (whole_j - before_j) * self.booked_j


@dataclass(frozen=True)
class ReplayedPower:
    """What a site's services drew in their steps, above the idle power of their replicas."""

    parts: list[ReplayedInterval]

    def energy_j(self, at_s: np.ndarray) -> np.ndarray:
        """[J] Up to some moments."""
        return sum((part.energy_j(at_s) for part in self.parts), np.zeros(len(at_s)))


def replayed_power(result: Record, site: str, from_s: float, to_s: float) -> ReplayedPower:
    """Serve the requests of a site's services in a window again.

    Services without a model, and those whose requests belong to sessions, are left out: of these only means are known.

    Parameters
    ----------
    result : Record
    site : str
    from_s, to_s : float
        [s] Since the run's start; the record intervals that they are in are served whole.

    Raises
    ------
    ScenarioError, TraceError
        If the scenario's requests cannot be made again: a file of theirs is missing.
    """
    scenario = Scenario.from_dict(result.manifest["scenario"])
    served = result.tables["services"]
    served = served[(served["end_s"] > from_s) & (served["start_s"] < to_s)]
    modelled = {name: one for name, one in scenario.services.items() if one.model is not None}
    names = [name for name in modelled if site in set(served.loc[served["service"] == name, "site"])]
    if not names:
        return ReplayedPower([])
    arrivals = {name: arrivals_of(name, one, scenario, int(result.manifest["seed"])) for name, one in modelled.items()}
    engines = serving_engines(scenario, arrivals)
    booked = _Booked(result, scenario, site, engines)
    parts = []
    for name in names:
        if arrivals[name].sessions is None:
            again = _Again(result, name, scenario.services[name], arrivals[name], engines)
            parts += again.parts(served[served["service"] == name], site, booked)
    return ReplayedPower(parts)


class _Booked:
    """[J] That deployments of a site drew in their steps, as the run's books have it."""

    def __init__(self, result: Record, scenario: Scenario, site: str, engines: dict[tuple[str, str], ServingEngine]):
        self._gpus, self._services, self._engines = result.manifest["gpus"], scenario.services, engines
        power, replicas = result.tables["power"], result.tables.get("service_replicas")
        power = power[power["site"].astype(str) == site]
        self._site_j = dict(zip(power["start_s"], power["serving_j"], strict=True))
        self._replicas = None if replicas is None else replicas.assign(above_j=self._above_idle_j(replicas))
        here = result.tables["services"]
        self._here = here[here["site"].astype(str) == site]
        self._site = site

    def rows(self, name: str, start_s: float) -> pd.DataFrame:
        """Rows of ``service_replicas`` of a service for the record interval that starts then."""
        of = self._replicas
        return of[(of["service"].astype(str) == name) & (of["start_s"] == start_s)]

    def steps_j(self, name: str, kind: str, start_s: float, place: int) -> float:
        """Of the deployment at a place among those of a service, in the record interval that starts then."""
        if not self._services[name].by_request:
            return self._fluid_j(name, kind, start_s)
        row = self.rows(name, start_s).iloc[place]
        held_s = _gpu_s(row) / self._held_gpus(name, kind)
        gpu = self._engines[name, kind].entry.replica.gpu
        context_w = max(float(gpu.idle_w) - self._gpus[kind]["idle_w"], 0.0)
        return float(row["above_j"] - context_w * self._services[name].gpus_per_replica * held_s)

    def _held_gpus(self, name: str, kind: str) -> int:
        return gangs.held_gpus(self._services[name].gpus_per_replica, self._gpus[kind]["gpus_per_node"])

    def _above_idle_j(self, replicas: pd.DataFrame) -> np.ndarray:
        idle_w = [self._gpus[kind]["idle_w"] for kind in replicas["gpu_type"].astype(str)]
        return replicas["energy_j"].to_numpy() - _gpu_s(replicas).to_numpy() * np.array(idle_w, float)

    def _fluid_j(self, name: str, kind: str, start_s: float) -> float:
        """What is booked beside services by request, shared by what each deployment's busy GPUs draw."""
        left_j = self._site_j[start_s]
        if self._replicas is not None:
            of = self._replicas
            left_j -= of.loc[(of["site"].astype(str) == self._site) & (of["start_s"] == start_s), "above_j"].sum()
        here = self._here[self._here["start_s"] == start_s]
        busy = {
            (str(row.service), str(row.gpu_type)): self._busy_j(str(row.service), str(row.gpu_type), row.served_tokens)
            for row in here.itertuples()
        }
        total = sum(busy.values())
        return left_j * busy[name, kind] / total if total > 0.0 else 0.0

    def _busy_j(self, name: str, kind: str, tokens: float) -> float:
        service, gpu = self._services[name], self._gpus[kind]
        if service.by_request:
            return 0.0
        rate = replica_rate(service, kind, self._engines.get((name, kind)))
        above_w = above_idle_w(gpu["serving_fraction"], gpu["tdp_w"], gpu["idle_w"])
        return tokens / rate * service.gpus_per_replica * above_w


def _gpu_s(replicas: pd.DataFrame | pd.Series) -> pd.Series | float:
    """GPU-seconds held."""
    return sum(replicas[f"{use}_gpu_s"] for use in ("prefill", "decode", "idle", "loading", "draining"))


class _Again:
    """One service, served again record interval by record interval."""

    def __init__(
        self, result: Record, name: str, service: Service, arrivals: Arrivals,
        engines: dict[tuple[str, str], ServingEngine],
    ):  # fmt: skip
        self._name, self._service, self._arrivals, self._engines = name, service, arrivals, engines
        self._seed, self._drawn_s = int(result.manifest["seed"]), 0.0
        self._came = pd.DataFrame()

    def parts(self, served: pd.DataFrame, site: str, booked: _Booked) -> Iterator[ReplayedInterval]:
        """What its deployments at a site drew, by the rows of ``services`` of all of them."""
        for (start_s, end_s), rows in served.groupby(["start_s", "end_s"]):
            came = self._requests(start_s - LEAD_S, end_s)
            tokens, count = rows["served_tokens"].to_numpy(), len(self._service.deployments)
            dice = rng.stream(self._seed, "power series", self._name, f"{start_s:g}").random(len(came))
            bounds = np.append(0.0, np.cumsum(tokens[:count]) / max(tokens[:count].sum(), 1e-9))
            replicas = np.maximum(np.rint(rows["replicas"].to_numpy()), 1).astype(int)
            for i, spec in enumerate(self._service.deployments):
                places = [(i, str(rows["site"].iloc[i]), spec.gpu_type)]
                if self._service.prefill is not None:
                    kind = self._service.prefill_type(spec)
                    places.append((count + i, str(rows["site"].iloc[count + i]), kind))
                if site not in [where for _place, where, _kind in places] or tokens[i] <= 0.0:
                    continue
                mine = came[(dice >= bounds[i]) & ((dice < bounds[i + 1]) | (i + 1 == count))]
                for (place, where, kind), drawn in zip(
                    places, self._play(mine, spec.gpu_type, [replicas[place] for place, *_ in places]), strict=True
                ):
                    if where == site:
                        booked_j = booked.steps_j(self._name, kind, start_s, place)
                        yield ReplayedInterval(start_s, end_s, booked_j, drawn)

    def _requests(self, from_s: float, to_s: float) -> pd.DataFrame:
        """Those that come in a span; it may begin before the end of the last, but not before its start."""
        kept = [self._came]
        while self._drawn_s < to_s:
            until_s = min(self._drawn_s + PIECE_S, to_s)
            made = self._arrivals.until(until_s)
            if until_s > from_s:
                kept.append(self._table(made))
            self._drawn_s = until_s
        came = pd.concat([one for one in kept if len(one)] or [self._table(self._arrivals.until(to_s))])
        self._came = came[came["arrival_s"] >= from_s].reset_index(drop=True)
        return self._came

    def _table(self, made: np.recarray) -> pd.DataFrame:
        table = pd.DataFrame({name: made[name] for name in ("arrival_s", "prompt_tokens", "output_tokens")})
        of = self._arrivals
        if of.adapters:
            table["adapter"] = pd.Series(made["adapter"]).where(made["adapter"] >= 0)
        if of.by_priority:
            table["priority"] = made["priority"]
        if of.block_tokens:
            table["hash_ids"] = [
                of.hashes[first : first + count].tolist()
                for first, count in zip(made["first_hash"].tolist(), made["hashes"].tolist(), strict=True)
            ]
        return table

    def _play(self, requests: pd.DataFrame, kind: str, replicas: list[int]) -> list[Phases]:
        """What so many replicas draw which serve requests, and so many that prefill for them, if any do."""
        engine = self._engines[self._name, kind]
        deployment = self._deployment(engine, replicas)
        requests = requests[~too_long(requests, deployment)]
        if requests.empty:
            return [Phases(np.empty(0), np.empty(0))] * len(replicas)
        told = replay(requests, deployment).requests.set_index(requests.index)
        told = told.assign(
            left_tokens=requests["prompt_tokens"] - told["cached_tokens"],
            context_tokens=requests["prompt_tokens"] + requests["output_tokens"] / 2.0,
        )
        if len(replicas) == 1:
            spans = told.assign(prefill_s=told["scheduled_s"], decode_s=told["first_token_s"])
            return [phases(spans, engine.entry, deployment)]
        first_s = told["prefilled_s"]
        prefill = told.assign(
            replica=told["prefill_replica"], prefill_s=told["scheduled_s"], decode_s=first_s, end_s=first_s
        )
        come_s = told["shipped_s"].fillna(first_s).clip(upper=told["end_s"])
        decode = told.assign(prefill_s=come_s, decode_s=come_s)
        pool = deployment.prefill.deployment
        return [phases(decode, engine.entry, deployment), phases(prefill, engine.prefill.entry, pool)]

    def _deployment(self, engine: ServingEngine, replicas: list[int]) -> Deployment:
        of, routing = engine.deployment, self._service.routing or Routing()
        made = replace(of, replicas=replicas[0] * of.in_step, router=routing.replica)
        if len(replicas) == 1:
            return made
        first = of.prefill.deployment
        router = self._service.prefill.replica
        first = replace(first, replicas=replicas[1] * first.in_step, router=router)
        return replace(made, prefill=replace(of.prefill, deployment=first))

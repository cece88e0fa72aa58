"""The requests of a service in order of arrival, as its gateway takes them: a trace, or synthetic ones by region."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from gpusim import rng
from gpusim.engine.serving.sessions import Sessions, turns_of
from gpusim.errors import TraceError
from gpusim.inputs.demand import demand_signals
from gpusim.inputs.requests.formats import read_requests
from gpusim.inputs.requests.synthetic import SyntheticRequests
from gpusim.inputs.requests.trace import Requests as Trace
from gpusim.inputs.signals import Signal
from gpusim.kernels.serving.traffic import ARRIVAL
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE
from gpusim.scenario.inference import RequestMix, ServedModel
from gpusim.scenario.scenario import RunSpec
from gpusim.scenario.service import Service
from gpusim.serving.engine_options import engine_rules
from gpusim.serving.kv_cache import BLOCK_TOKENS
from gpusim.serving.requests import by_adapter
from gpusim.units import DAY_S

SAMPLES = 10_000  # rows of requests to expect in a result, of each service


class Arrivals(Protocol):
    """Requests of one service.

    Attributes
    ----------
    demand : list of Signal
        [tokens/s] of output asked for, by region.
    hashes : ndarray of int64
        Of the blocks of all prompts, as ``first_hash`` and ``hashes`` of arrivals say.
    block_tokens : int
        Tokens of such a block; 0 without.
    adapters : int
        That requests have, by numbers from 0.
    by_priority : bool
        They have priorities.
    sessions : Sessions or None
        Whose further turns come as those before them end.
    """

    demand: list[Signal]
    hashes: np.ndarray
    block_tokens: int
    adapters: int
    by_priority: bool
    sessions: Sessions | None

    def until(self, time_s: float) -> np.recarray:
        """Those that arrive before a time and were not given before: records of ARRIVAL."""

    def sample(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of prompts and of outputs of so many requests, as any."""


class SyntheticArrivals:
    """Requests that follow demand, with a random stream of its own for each part of each region."""

    def __init__(self, name: str, service: Service, run: RunSpec, seed: int):
        mix, duration_s = service.requests or RequestMix(), run.days * DAY_S
        self._mix, self.sessions = mix, None
        pairs = None if mix.like is None else _pairs(mix.like)
        each = mix.output_tokens if pairs is None else float(pairs[:, 1].mean())
        self.demand = list(demand_signals(service, run.start, duration_s).values())
        self.hashes, self.block_tokens = np.empty(0, np.int64), 0
        regions = list(service.users or {"": None})

        def stream(region: str):
            return lambda part: rng.stream(seed, "services", name, region, part)

        if mix.turns > 1.0:
            self.block_tokens = BLOCK_TOKENS if caches_prefixes(service.model) else 0
            self.sessions = Sessions(mix, stream("sessions"), self.block_tokens, pairs)
        rates = [signal.scaled(1.0 / (each * mix.turns)) for signal in self.demand]
        self._regions = [
            SyntheticRequests(mix, rate, duration_s, stream(region), pairs)
            for rate, region in zip(rates, regions, strict=True)
        ]
        self.adapters = mix.adapters
        self._adapter_shares = np.cumsum(zipf(mix.adapters, mix.adapter_skew))
        self._adapters = [stream(region)("adapters") for region in regions]
        self.by_priority = bool(mix.priorities)
        if self.by_priority:
            shares = np.cumsum(mix.priorities)
            self._priority_shares = shares / shares[-1]
            self._priorities = [stream(region)("priorities") for region in regions]
        self._stream_of_any = stream("any")
        self._any = lambda: SyntheticRequests(mix, Signal.constant(1.0), 1e9, stream("any"), pairs)
        expected = mix.turns * sum(region.expected for region in self._regions)
        self._kept_share = SAMPLES / max(expected, SAMPLES)

    def until(self, time_s: float) -> np.recarray:
        """Those of all regions, merged."""
        parts = [region.until(time_s) for region in self._regions]
        drawn = np.concatenate(parts)
        order = np.argsort(drawn[:, 0], kind="stable")
        made = records(ARRIVAL, len(drawn))
        made["region"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])[order]
        drawn = drawn[order]
        for i, name in enumerate(("arrival_s", "prompt_tokens", "output_tokens")):
            made[name] = drawn[:, i]
        made["kept"] = drawn[:, 3] < self._kept_share
        made["adapter"] = made["turn"] = made["home"] = NONE
        if self.adapters:
            draws = [random.random(len(part)) for random, part in zip(self._adapters, parts, strict=True)]
            made["adapter"] = np.searchsorted(self._adapter_shares[:-1], np.concatenate(draws), side="right")[order]
        if self.by_priority:
            draws = [random.random(len(part)) for random, part in zip(self._priorities, parts, strict=True)]
            made["priority"] = np.searchsorted(self._priority_shares[:-1], np.concatenate(draws), side="right")[order]
        if self.sessions is not None:
            self.sessions.begin(made)
        return made

    def sample(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The first of a random stream of its own, whoever asks; turns of sessions, if any, with all before them."""
        drawn = self._any().until(1.5 * count + 1000.0)[:count]
        if self._mix.turns > 1.0:
            return turns_of(self._mix, drawn, self._stream_of_any("turns"))
        return drawn[:, 1].astype(np.int64), drawn[:, 2].astype(np.int64)


def caches_prefixes(model: ServedModel) -> bool:
    """Whether replicas use blocks again, by the scenario or as the engine does if told nothing."""
    told = model.prefix_caching
    return engine_rules(model.engine)["prefix_caching"] if told is None else told


def zipf(count: int, skew: float) -> np.ndarray:
    """Shares of so many: of the k-th as 1 / k^skew."""
    weights = np.arange(1.0, count + 1.0) ** -skew
    return weights / weights.sum()


def _pairs(path: str) -> np.ndarray:
    """Tokens of the prompts and outputs of a trace, shape (n, 2)."""
    trace = read_requests(path)
    pairs = np.column_stack([trace.prompt_tokens, trace.output_tokens])[
        (trace.prompt_tokens > 0) & (trace.output_tokens > 0)
    ]
    if not len(pairs):
        raise TraceError(f"{path}: no request has a prompt and an output; give a trace with some")
    return pairs


class TraceArrivals:
    """Requests of a trace; which region each is from is drawn by the regions' shares."""

    def __init__(self, name: str, service: Service, run: RunSpec, seed: int, trace: Trace):
        given = (trace.prompt_tokens > 0) & (trace.output_tokens > 0) & (trace.arrival_s < run.days * DAY_S)
        made = self._made = records(ARRIVAL, int(np.count_nonzero(given)))
        for column in ("arrival_s", "prompt_tokens", "output_tokens"):
            made[column] = getattr(trace, column)[given]
        users = list((service.users or {}).values())
        if len(users) > 1:
            share = np.array([one.share for one in users])
            made["region"] = rng.stream(seed, "services", name, "regions").choice(
                len(users), len(made), p=share / share.sum()
            )
        kept_share = SAMPLES / max(len(made), SAMPLES)
        made["kept"] = rng.stream(seed, "services", name, "samples").random(len(made)) < kept_share
        names = np.empty(0) if trace.adapter is None else trace.adapter[given]
        made["adapter"] = pd.factorize(names)[0] if len(names) else -1
        made["turn"] = made["home"] = NONE
        self.adapters = int(made["adapter"].max(initial=-1)) + 1
        self.by_priority = trace.priority is not None
        if self.by_priority:
            made["priority"] = trace.priority[given]
        self.hashes, self.block_tokens = np.empty(0, np.int64), 0
        if trace.hash_ids is not None and caches_prefixes(service.model):
            self.block_tokens = trace.block_tokens
            self._put_hashes([trace.hash_ids[i] for i in np.flatnonzero(given)])
        self._given, self.sessions = 0, None
        self.demand = [self._demand_of(region, service, run.days * DAY_S) for region in range(max(len(users), 1))]

    def _put_hashes(self, ids: list[list[int]]) -> None:
        made = self._made
        full = (made["prompt_tokens"] + made["output_tokens"] - 1) // self.block_tokens
        made["hashes"] = np.minimum([len(one) for one in ids], full)
        made["first_hash"] = np.cumsum(made["hashes"]) - made["hashes"]
        flat = [number for one, count in zip(ids, made["hashes"].tolist(), strict=True) for number in one[:count]]
        _numbers, codes = np.unique(np.array(flat, np.int64), return_inverse=True)
        self.hashes = by_adapter(codes.astype(np.int64), np.repeat(made["adapter"], made["hashes"]))

    def _demand_of(self, region: int, service: Service, duration_s: float) -> Signal:
        edges_s = np.append(np.arange(0.0, duration_s, service.control_s), duration_s)
        mine = self._made[self._made["region"] == region]
        tokens, _edges = np.histogram(mine["arrival_s"], edges_s, weights=mine["output_tokens"].astype(float))
        return Signal(edges_s[:-1], tokens / np.diff(edges_s))

    def until(self, time_s: float) -> np.recarray:
        """The next of the trace."""
        first, self._given = self._given, int(np.searchsorted(self._made["arrival_s"], time_s))
        return self._made[first : self._given].copy()

    def sample(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of the trace, again and again if it has fewer."""
        rows = np.arange(count) % max(len(self._made), 1)
        made = self._made[rows] if len(self._made) else records(ARRIVAL, 0)
        return made["prompt_tokens"].copy(), made["output_tokens"].copy()

"""Engines that prefill and engines that decode, from the end of one step to that of the next, whoever's it is."""

from __future__ import annotations

import math

from gpusim.serving.deployment import Deployment
from tests.reference.requests.blocks import Block
from tests.reference.requests.engine import Engine
from tests.reference.requests.fleet import score
from tests.reference.requests.group import Group, Pace, unchanged
from tests.reference.requests.request import Request


class Apart(Engine):
    """Leaves it to others who serves what comes behind a request that has ended."""

    def __init__(self, deployment: Deployment):
        super().__init__(deployment)
        self.sent_on: list[tuple[Request, Request]] = []

    def send_on(self, follower: Request, request: Request) -> None:
        self.sent_on.append((follower, request))


class Prefiller(Apart):
    """Holds blocks until they were read, or for too long."""

    def __init__(self, deployment: Deployment):
        super().__init__(deployment)
        self.held: list[Request] = []

    def look(self, seen_s: float) -> None:
        super().look(seen_s)
        for request in sorted(self.held, key=lambda one: one.free_s):
            if request.free_s <= seen_s:
                self.held.remove(request)
                self.give_back(request)

    def retire(self, request: Request) -> None:
        self.slots.leave(request.adapter)
        assert request in self.held

    def keep(self, request: Request, free_s: float) -> None:
        """Keep the blocks of a request that was prefilled."""
        request.free_s, request.holder = free_s, self
        self.held.append(request)

    def read(self, request: Request, free_s: float) -> None:
        """Somebody has begun to read them: those that were begun first are given back first."""
        self.held.remove(request)
        self.keep(request, free_s)

    def news_s(self, now_s: float) -> float:
        return min([super().news_s(now_s), *(request.free_s for request in self.held)])

    @property
    def holders(self) -> list[Request]:
        return list(dict.fromkeys([*super().holders, *self.held]))


class Way:
    """Over which all that decode read, one request after the other."""

    def __init__(self):
        self.free_s = -math.inf


class Decoder(Apart):
    """Reads the KV cache of prompts, one after the other."""

    def __init__(self, deployment: Deployment):
        super().__init__(deployment)
        self.fetching: list[Request] = []
        self.link_free_s = self.unhindered_s = -math.inf
        self.way = Way()  # until its fleet says which

    @property
    def outstanding(self) -> int:
        return super().outstanding + len(self.fetching)

    @property
    def holders(self) -> list[Request]:
        return [*super().holders, *self.fetching]

    def news_s(self, now_s: float) -> float:
        ready_s = [request.ready_s for request in self.fetching if request.ready_s > now_s]
        return min([super().news_s(now_s), *ready_s])

    def fetch(self, request: Request, cached: list[Block], now_s: float) -> bool:
        if request.read or request.prefilled.free_s <= now_s:
            return False
        pool = self.deployment.prefill
        self.waiting.remove(request)
        self.cache.use(cached)
        request.blocks = list(cached)
        request.computed = len(cached) * self.deployment.block_tokens
        while len(request.blocks) < self.blocks_of(request.prompt_tokens + self.drafts):
            request.blocks.append(self.cache.take())
        blocks = self.blocks_of(request.prompt_tokens) - len(cached)
        own_s = blocks * pool.block_s(self.deployment.block_tokens)
        way_s = blocks * self.deployment.block_tokens * pool.kv_bytes_per_token / pool.way_bytes_per_s
        self.way.free_s = max(self.way.free_s, now_s) + way_s
        self.unhindered_s = max(self.unhindered_s, now_s) + own_s
        self.link_free_s = max(self.link_free_s, now_s) + own_s
        self.link_free_s = max(self.link_free_s, self.way.free_s)
        request.read_later_s = self.link_free_s - self.unhindered_s
        request.read, request.ready_s = True, self.link_free_s + pool.latency_s
        request.prefilled.holder.read(request.prefilled, request.ready_s)
        self.fetching.append(request)
        return True

    def admit(self, seen_s: float, now_s: float, step: dict[Request, int]) -> None:
        for request in [request for request in self.fetching if request.ready_s <= seen_s]:
            if sum(step.values()) == self.deployment.max_batched_tokens:
                break
            if len(self.running) + len(self.leaving) == self.deployment.max_requests:
                break
            if not self.slots.fits(request.adapter, self.in_use):
                continue
            self.fetching.remove(request)
            self.loading_adapters += self.slots.use(request.adapter, self.in_use)
            self.hold(request, request.prompt_tokens)
            request.computed = request.prompt_tokens - 1
            self.running.append(request)
            request.slowed_before_s = self.slowed_before_s
            step[request] = 1
        super().admit(seen_s, now_s, step)


def play_apart(
    requests: list[Request], deployment: Deployment, clients: int = 0, **paces: Pace
) -> list[tuple[int, int, Request]]:
    """Serve all requests: where each was prefilled and decoded, and its first half; it is its own second half."""
    fleet = Fleet(deployment, **paces)
    firsts = [_first_half(request) for request in requests]
    for request in requests:
        request.followers = [follower.prefilled for follower in request.followers]
        request.pending = 1
    order = sorted((one for one in firsts if one.pending == 0), key=lambda one: one.arrival_s)
    fleet.play(order, clients)
    return [(fleet.where[first], fleet.where[request], first) for first, request in zip(firsts, requests)]


def _first_half(request: Request) -> Request:
    first = Request(
        request.arrival_s,
        request.prompt_tokens,
        1,
        hash_ids=request.hash_ids,
        delay_s=request.delay_s,
        adapter=request.adapter,
    )
    first.pending, first.followers, first.priority = request.pending, [request], request.priority
    request.prefilled, request.delay_s = first, 0.0
    return first


class Fleet:
    """All engines of both kinds."""

    def __init__(self, deployment: Deployment, prefills: Pace = unchanged, decodes: Pace = unchanged):
        pool = deployment.prefill.deployment
        self.groups = [Group(pool, Prefiller, prefills) for _ in range(pool.replicas // pool.in_step)]
        self.prefillers = [engine for group in self.groups for engine in group.engines]
        self.groups += [Group(deployment, Decoder, decodes) for _ in range(deployment.replicas // deployment.in_step)]
        self.engines = [engine for group in self.groups for engine in group.engines]
        self.decoders = self.engines[len(self.prefillers) :]
        way = Way()
        for engine in self.decoders:
            engine.way = way
        self.where: dict[Request, int] = {}
        self.turns = {True: 0, False: 0}
        self.ended = 0
        self.holds_s = deployment.prefill.holds_s

    def play(self, order: list[Request], clients: int) -> None:
        """From one moment at which anything happens to the next."""
        sent, now = 0, 0.0 if clients else min((one.arrival_s for one in order), default=math.inf)
        while now < math.inf:
            for group in self.groups:
                group.advance(now)
            self.pass_on()
            while sent < len(order) and (sent - self.ended < clients if clients else order[sent].arrival_s <= now):
                if clients:
                    order[sent].arrival_s = now
                self.route(self.prefillers, order[sent])
                sent += 1
            for group in self.groups:
                group.advance(now, begins=True)
            later = [group.flight_end_s if group.flight else group.news_s() for group in self.groups]
            later += [one.arrival_s for one in order[sent : sent + 1] if not clients]
            now = min(later)

    def pass_on(self) -> None:
        """Who comes behind a first half decodes; who comes behind a second is prefilled where that was."""
        for engine in self.engines:
            for follower, request in engine.sent_on:
                if request.prefilled is None:
                    engine.keep(request, request.end_s + self.holds_s)
                    self.route(self.decoders, follower)
                else:
                    self.send(self.prefillers, self.where[request.prefilled], follower)
            engine.sent_on = []
        self.ended = sum(request.end_s == request.end_s for one in self.decoders for request in one.served)

    def route(self, engines: list[Engine], request: Request) -> None:
        """Send a request to one of some engines."""
        router, first = engines[0].deployment.router, engines is self.prefillers
        scores = [score(engine, request, router) for engine in engines]
        best = self.turns[first] % len(engines) if router == "round-robin" else scores.index(min(scores))
        self.turns[first] += 1
        self.send(engines, best, request)

    def send(self, engines: list[Engine], best: int, request: Request) -> None:
        engines[best].come(request)
        self.where[request] = best

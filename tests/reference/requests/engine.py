"""One engine: its queue, its running requests and its blocks, without a clock."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Hashable

from gpusim.serving.deployment import Deployment
from tests.reference.requests.blocks import Block, Cache
from tests.reference.requests.host import Host
from tests.reference.requests.request import Request
from tests.reference.requests.slots import Slots
from tests.reference.requests.step_time import Part


class Engine:
    """Says what each step does, and does it."""

    def __init__(self, deployment: Deployment):
        self.deployment = deployment
        self.coming: list[Request] = []
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []
        self.leaving: list[Request] = []
        self.served: list[Request] = []
        self.longest_chunk = deployment.longest_chunk or deployment.max_batched_tokens
        self.offload = deployment.offload
        block_bytes = self.offload.kv_bytes_per_token * deployment.block_tokens if self.offload else 1.0
        self.host = Host(int(self.offload.memory_bytes / block_bytes) if self.offload else 0)
        self.loaded = self.loading = 0
        self.slots = Slots(deployment.lora.max_loras if deployment.lora else 0)
        self.loading_adapters = 0
        self.cache = Cache(deployment.kv_blocks - 1, self.host)
        self.drafts = deployment.speculation.draft_tokens if deployment.speculation else 0
        self.tokens_per_step = deployment.speculation.tokens_per_step if deployment.speculation else 1.0
        self.steps = 0
        self.slowed_s = self.slowed_before_s = 0.0
        self.seen = dict.fromkeys(("not the last", "in the step", "nobody behind it", "nobody at all"), 0)

    @property
    def outstanding(self) -> int:
        """Requests that have come and not ended."""
        return len(self.coming) + len(self.waiting) + len(self.running)

    @property
    def load(self) -> int:
        """Blocks in use, and those that the requests that wait will take first."""
        waiting = sum(self.blocks_of(request.tokens) for request in [*self.coming, *self.waiting])
        return self.deployment.kv_blocks - 1 - len(self.cache.free) + waiting

    def look(self, seen_s: float) -> None:
        """Take note of what had happened by then."""
        for request in [request for request in self.leaving if request.end_s <= seen_s]:
            self.leaving.remove(request)
            self.retire(request)
        while self.coming and self.coming[0].arrival_s <= seen_s:
            request = self.coming.pop(0)
            request.queued_s = seen_s
            behind = [other for other in self.waiting if self.deployment.by_priority and request.rank < other.rank]
            self.waiting.insert(len(self.waiting) - len(behind), request)

    def note_queue(self, began_s: float, slowed_s: float) -> None:
        """So much longer its steps were so far: nobody waited for that if none waits who came before the last began."""
        if not any(request.arrival_s <= began_s for request in [*self.waiting, *self.coming]):
            self.slowed_before_s = slowed_s

    def note_slowed(self, now_s: float, slowed_s: float) -> None:
        """A step has ended: who has its first token, or its last, was so much later."""
        self.slowed_s = slowed_s
        for request in self.served:
            if request.first_token_s == now_s:
                request.first_later_s = slowed_s - request.slowed_before_s
                request.slowed_before_s = slowed_s
            if request.end_s == now_s:
                request.tokens_later_s = slowed_s - request.slowed_before_s

    def retire(self, request: Request) -> None:
        """One that has ended has left its seat."""
        self.slots.leave(request.adapter)
        self.give_back(request)

    def news_s(self, now_s: float) -> float:
        """When something happens next of which the scheduler takes note."""
        return min((request.arrival_s for request in self.coming), default=float("inf"))

    def given(self, steps: int) -> int:
        """Tokens that who decodes all along has got in so many steps."""
        return math.floor(steps * self.tokens_per_step)

    def gets(self, request: Request, tokens: int) -> int:
        """Tokens more that are in its KV cache behind a step with so many of it."""
        return self.given(self.steps + 1) - self.given(self.steps) if request.decodes else tokens

    def schedule(self, seen_s: float, now_s: float) -> dict[Request, int]:
        """Tokens of the next step, which begins now, for each request in it."""
        step: dict[Request, int] = {}
        pauses = self.deployment.pauses_decode
        running = [request for request in self.running if not (pauses and request.decodes)]
        preempted = self.serve(running, step)
        if not pauses:
            self.pass_over(step)
        while preempted and not step and self.deployment.by_priority and self.running:
            self.serve(list(self.running), step)  # the first preempted itself
            self.pass_over(step)
        if not preempted:
            self.admit(seen_s, now_s, step)
        if pauses and not step:
            self.serve(list(self.running), step)
        return step

    def pass_over(self, step: dict[Request, int]) -> None:
        """Those that run and get nothing in a step have something to catch up with."""
        for request in self.running:
            if request not in step:
                request.decodes = False

    def serve(self, requests: list[Request], step: dict[Request, int]) -> bool:
        """Tokens and blocks for some of those that run, in order; whether somebody was preempted."""
        budget = self.deployment.max_batched_tokens
        preempted = False
        for request in requests:
            if budget == 0:
                break
            if request not in self.running:
                continue  # one before it has preempted it
            if budget < 1 + self.drafts:
                request.decodes = False  # it gets one token without drafts
            tokens = min(request.tokens - request.computed, self.longest_chunk, budget)
            if request.decodes:
                tokens = 1 + self.drafts
            computed = request.computed + self.gets(request, tokens)
            while request in self.running and not self.fits(request, computed):
                victim = self.victim()
                self.seen["not the last"] += victim is not self.running[-1]
                self.seen["in the step"] += victim in step
                self.seen["nobody behind it"] += victim is request is not self.running[-1]
                self.seen["nobody at all"] += victim is request and not step
                if victim in step:
                    budget += step.pop(victim)
                    self.unname(victim)
                self.running.remove(victim)
                self.preempt(victim)
                preempted = True
            if request not in self.running:
                break  # nobody behind it gets anything
            self.hold(request, computed)
            step[request] = tokens
            budget -= tokens
        return preempted

    def victim(self) -> Request:
        """Who is preempted: the last, or the last of those of the lowest priority that came last."""
        if not self.deployment.by_priority:
            return self.running[-1]
        return max(reversed(self.running), key=lambda one: one.rank)

    def unname(self, request: Request) -> None:
        """A step that would have filled blocks of a request is not to be."""
        for block in request.blocks[request.computed // self.deployment.block_tokens :]:
            if block.users == 1 and self.cache.known.get(block.name) is block:
                del self.cache.known[block.name]
                block.name = None

    @property
    def in_use(self) -> set[Hashable]:
        """Adapters of those that run, and of those whose seat is not free yet."""
        return {request.adapter for request in [*self.running, *self.leaving]} - {None}

    def admit(self, seen_s: float, now_s: float, step: dict[Request, int]) -> None:
        """Those that wait, in order; who lacks a slot for an adapter is passed over and keeps its place."""
        passed: list[Request] = []
        self.admit_those(seen_s, now_s, step, passed)
        self.waiting.extendleft(reversed(passed))

    def admit_those(self, seen_s: float, now_s: float, step: dict[Request, int], passed: list[Request]) -> None:
        """Those that wait, in order, while all that they need but a slot is left."""
        size, reserve = self.deployment.block_tokens, self.deployment.watermark_blocks
        while self.waiting and sum(step.values()) < self.deployment.max_batched_tokens:
            budget = self.deployment.max_batched_tokens - sum(step.values())
            if len(self.running) + len(self.leaving) == self.deployment.max_requests:
                return
            request = self.waiting[0]
            if not self.slots.fits(request.adapter, self.in_use):
                passed.append(self.waiting.popleft())
                continue
            cached = self.cached(request)
            left = request.tokens - len(cached) * size
            free = len(self.cache.free) - sum(block.users == 0 for block in cached)
            if self.blocks_of(left + self.drafts) + (reserve if self.running else 0) > free:
                return
            if self.deployment.reserves_output and not self.could_all_end(request):
                return
            if self.fetch(request, cached, now_s):
                continue
            copies = self.copies(request, cached)
            left -= len(copies) * size
            if min(left, self.longest_chunk) > budget and not self.deployment.chunked_prefill:
                return
            self.loading_adapters += self.slots.use(request.adapter, self.in_use)
            self.running.append(self.waiting.popleft())
            self.cache.use(cached)
            request.blocks = cached
            request.computed = len(cached) * size
            self.bring(request, copies)
            if request.scheduled_s != request.scheduled_s:
                request.scheduled_s = seen_s
                request.slowed_before_s = self.slowed_before_s
                request.cached_tokens, request.loaded_tokens = request.computed, len(copies) * size
            step[request] = min(left, self.longest_chunk, budget)
            self.hold(request, request.computed + step[request])

    def fetch(self, request: Request, cached: list[Block], now_s: float) -> bool:
        """Whether the first that waits has its KV cache brought from elsewhere, and so waits no longer."""
        return False

    @property
    def holders(self) -> list[Request]:
        """Those that have blocks."""
        return [*self.running, *self.leaving]

    def could_all_end(self, another: Request) -> bool:
        """Whether all that have blocks, and another, could have all their tokens in the KV cache."""
        requests = [*self.holders, another]
        more = 2 * self.drafts - 1
        blocks = sum(self.blocks_of(request.prompt_tokens + request.output_tokens + more) for request in requests)
        return blocks <= self.deployment.kv_blocks - 1

    def parts(self, step: dict[Request, int]) -> list[Part]:
        """What a step does, for its time."""
        ahead = self.steps * self.tokens_per_step - self.given(self.steps)
        return [
            Part(tokens, request.computed + (ahead if request.decodes else 0.0), prompt=not request.decodes)
            for request, tokens in step.items()
        ]

    def finish(self, step: dict[Request, int], now_s: float) -> None:
        """A step has ended; those in it get what it has computed as they stand among those that run."""
        gained = {request: self.gets(request, tokens) for request, tokens in step.items()}
        if not (self.deployment.pauses_decode and any(not request.decodes for request in step)):
            self.steps += 1
        for request in [request for request in self.running if request in step]:
            request.computed += gained[request]
            if request.decodes or request.computed == request.tokens:
                if math.isnan(request.first_token_s):
                    request.first_token_s = now_s
                request.produced += gained[request] if request.decodes else 1
                request.decodes = True
                if request.produced >= request.output_tokens:
                    request.produced = request.output_tokens
                    request.end_s = now_s
                    self.name_output(request)
                    self.running.remove(request)
                    self.leaving.append(request)
                    self.call_followers(request)

    def call_followers(self, request: Request) -> None:
        """Those that wait for one that has ended come after their delay."""
        for follower in request.followers:
            follower.pending -= 1
            if follower.pending == 0:
                follower.arrival_s = request.end_s + follower.delay_s
                self.send_on(follower, request)

    def send_on(self, follower: Request, request: Request) -> None:
        """Who comes behind a request that has ended comes here."""
        self.come(follower)

    def come(self, request: Request) -> None:
        """In order of arrival, behind those that come at the same time."""
        self.served.append(request)
        insort(self.coming, request, key=lambda one: one.arrival_s)

    def cached(self, request: Request) -> list[Block]:
        """Blocks of its beginning that it need not compute: one token is left at least."""
        if not self.deployment.prefix_caching:
            return []
        size = self.deployment.block_tokens
        return self.cache.find(request.names((request.tokens - 1) // size, size))

    def copies(self, request: Request, cached: list[Block]) -> list[Hashable]:
        """Names of the blocks behind the cached ones that the host has: one token is left at least."""
        size = self.deployment.block_tokens
        names = request.names((request.tokens - 1) // size, size) if self.deployment.prefix_caching else []
        return self.host.find(names[len(cached) :])

    def bring(self, request: Request, copies: list[Hashable]) -> None:
        """Blocks come from the host while the next step runs."""
        self.host.use(copies)
        self.loading += len(copies)
        self.loaded += len(copies)
        request.blocks += [self.cache.take() for _ in copies]
        names = request.names(len(request.blocks), self.deployment.block_tokens)
        self.cache.name(request.blocks, names, len(request.blocks) - len(copies))
        request.computed += len(copies) * self.deployment.block_tokens

    def adapters_s(self) -> float:
        """[s] That adapters take to be loaded before the next step."""
        adapters, self.loading_adapters = self.loading_adapters, 0
        lora = self.deployment.lora
        return adapters * lora.adapter_bytes / lora.bytes_per_s if adapters else 0.0

    def load_s(self) -> float:
        """[s] That what the next step loads takes to come; the next begins anew."""
        blocks, self.loading = self.loading, 0
        if not blocks:
            return 0.0
        return blocks * self.deployment.block_tokens * self.offload.kv_bytes_per_token / self.offload.bytes_per_s

    def preempt(self, request: Request) -> None:
        """It computes all its tokens again later."""
        self.slots.leave(request.adapter)
        self.give_back(request)
        request.computed = 0
        request.decodes = False
        request.preemptions += 1
        before = [other for other in self.waiting if self.deployment.by_priority and other.rank < request.rank]
        self.waiting.insert(len(before), request)

    def fits(self, request: Request, tokens: int) -> bool:
        """Whether there are blocks for so many tokens of it, and as many more as are drafted."""
        return self.blocks_of(tokens + self.drafts) - len(request.blocks) <= len(self.cache.free)

    def hold(self, request: Request, tokens: int) -> None:
        """Take blocks for so many tokens of it, and for as many more as are drafted."""
        while len(request.blocks) < self.blocks_of(tokens + self.drafts):
            request.blocks.append(self.cache.take())
        if self.deployment.prefix_caching:
            full = tokens // self.deployment.block_tokens
            first = request.computed // self.deployment.block_tokens
            self.cache.name(request.blocks[:full], request.names(full, self.deployment.block_tokens), first)

    def name_output(self, request: Request) -> None:
        """One that has ended: others find what its output filled by the names given."""
        size = self.deployment.block_tokens
        if self.deployment.prefix_caching:
            full = min((request.tokens - 1) // size, len(request.hash_ids))
            self.cache.rename(request.blocks[:full], request.given_names, request.prompt_tokens // size)

    def give_back(self, request: Request) -> None:
        """Its blocks are free."""
        self.cache.give_back(request.blocks)
        request.blocks = []

    def blocks_of(self, tokens: int) -> int:
        """Blocks that hold so many tokens."""
        return -(-tokens // self.deployment.block_tokens)

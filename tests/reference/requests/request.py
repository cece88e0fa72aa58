"""A request as plain engines see it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from tests.reference.requests.blocks import Block

NEVER = float("nan")


@dataclass(eq=False)
class Request:
    """A request and what has become of it."""

    arrival_s: float
    prompt_tokens: int
    output_tokens: int
    produced: int = 0
    computed: int = 0
    decodes: bool = False
    hash_ids: tuple = ()
    adapter: Hashable = None
    priority: int = 0
    delay_s: float = 0.0
    pending: int = 0
    followers: list[Request] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    cached_tokens: int = 0
    loaded_tokens: int = 0
    queued_s: float = NEVER
    scheduled_s: float = NEVER
    first_token_s: float = NEVER
    end_s: float = NEVER
    slowed_before_s: float = 0.0
    first_later_s: float = 0.0
    tokens_later_s: float = 0.0
    preemptions: int = 0
    prefilled: Request | None = None
    read: bool = False
    ready_s: float = NEVER
    read_later_s: float = 0.0  # by which the way was not free
    free_s: float = NEVER
    holder: object = None  # the engine that has its blocks

    @property
    def tokens(self) -> int:
        """Prompt and what was produced."""
        return self.prompt_tokens + self.produced

    @property
    def given_names(self) -> list[Hashable]:
        """Of its first blocks, as given: what one adapter computes another cannot use."""
        return [name if self.adapter is None else f"{self.adapter}/{name}" for name in self.hash_ids]

    @property
    def rank(self) -> tuple[int, float]:
        """By priority, the least goes first."""
        return (-self.priority, self.arrival_s)

    def names(self, full: int, size: int) -> list[Hashable]:
        """Of its first blocks: given for the prompt, its own behind."""
        given = self.given_names[: min(full, self.prompt_tokens // size)]
        return given + [(id(self), i) for i in range(len(given), full)]

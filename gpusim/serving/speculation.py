"""Speculative decoding: tokens are drafted, and the model verifies them all in one step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpusim.errors import ServingError

_FRACTION = 2**20


@dataclass(frozen=True)
class Speculation:
    """How many tokens are drafted for each that decodes, how many are right, and what that takes.

    Attributes
    ----------
    draft_tokens : int
        Drafted for each that decodes in each step.
    acceptance : float
        Probability that a drafted token is right if those before it are; at the first that is not the rest is lost.
    draft_s : float
        [s] By which drafting makes a step longer in which anybody decodes. That a step verifies more tokens its tables
        know.
    """

    draft_tokens: int
    acceptance: float
    draft_s: float = 0.0

    def __post_init__(self):
        if self.draft_tokens < 1:
            raise ServingError(f"speculation: draft_tokens must be at least 1, found {self.draft_tokens}")
        if not 0.0 <= self.acceptance <= 1.0:
            raise ServingError(f"speculation: acceptance must be from 0 to 1, found {self.acceptance}")
        if not 0.0 <= self.draft_s < math.inf:
            raise ServingError(f"speculation: draft_s must be seconds, at least 0, found {self.draft_s}")

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a request gets in a step, mean: (1 - a^(k+1)) / (1 - a) of k drafts, each right with chance a.

        Source: Leviathan, Kalman and Matias, Fast Inference from Transformers via Speculative Decoding, ICML 2023,
        equation 1. Rounded to a fraction of which many times as much is exact, so that contexts that are as long as
        each other stay so.
        """
        exact = sum(self.acceptance**i for i in range(self.draft_tokens + 1))
        return round(exact * _FRACTION) / _FRACTION

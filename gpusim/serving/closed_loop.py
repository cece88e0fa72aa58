"""A replica under a closed loop: a fixed number of requests, each followed at once by another of the same lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpusim.serving.coefficients import Coefficients
from gpusim.serving.replica import Numbers, Replica
from gpusim.serving.roofline import step_s


@dataclass(frozen=True)
class Load:
    """What a closed loop asks for. Fields may hold arrays.

    Attributes
    ----------
    batch : float
        Requests at a time.
    prompt_tokens, output_tokens : float
        Lengths of a request.
    token_budget : float
        Most tokens of a step.
    pausing : bool
        Whether prefill stops decode (whole prompts at a time) or goes in chunks into its steps.
    """

    batch: Numbers
    prompt_tokens: Numbers
    output_tokens: Numbers
    token_budget: Numbers = 8192.0
    pausing: bool | np.ndarray = False

    @property
    def mean_kv_tokens(self) -> Numbers:
        """Context of a decoding sequence, mean over all that decode."""
        return self.prompt_tokens + self.output_tokens / 2.0


def decode_step_s(r: Replica, c: Coefficients, load: Load, running: Numbers) -> Numbers:
    """[s] of a step without prefill; the stages of a pipeline take turns with parts of the sequences."""
    return r.layout.pp * step_s(r, c, running / r.layout.pp, load.mean_kv_tokens)


def prefill_cost_s(r: Replica, c: Coefficients, load: Load, running: Numbers) -> Numbers:
    """[s] by which the prefill of one request delays the others."""
    chunk = np.minimum(load.prompt_tokens, load.token_budget)
    chunks, before = load.prompt_tokens / chunk, (load.prompt_tokens - chunk) / 2.0
    own, kv = running / r.layout.pp, load.mean_kv_tokens
    mixed = step_s(r, c, own, kv, chunk, before) - step_s(r, c, own, kv)
    return chunks * np.where(load.pausing, step_s(r, c, 0.0, 0.0, chunk, before), mixed)


def token_time_s(r: Replica, c: Coefficients, load: Load, running: Numbers) -> Numbers:
    """[s] from token to token of a request, mean over its output: steps, and the prefill of those that follow others.

    While a request puts out its tokens, each of the other ``running`` - 1 ends once and another begins.
    """
    others = np.maximum(running - 1.0, 0.0)
    return decode_step_s(r, c, load, running) + others / load.output_tokens * prefill_cost_s(r, c, load, running)

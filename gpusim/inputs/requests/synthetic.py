"""Synthetic requests: bursts and lengths as stated, or as those of a trace."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gpusim.inputs.requests.trace import Requests as Trace
from gpusim.inputs.signals import Signal
from gpusim.scenario.inference import RequestMix

# Synthetic requests whose rate follows demand: bursts of a stated CV, lognormal lengths.

BATCH = 1 << 14  # drawn at a time


class SyntheticRequests:
    """Requests of the users of one region, in order of arrival; each is drawn once, whoever asks when.

    Times between requests are Gamma with the CV stated while the rate is constant, and stretched where it is not, so
    that as many come as demand says: a renewal process in the time that counts requests (Brown et al., Neural
    Computation 14 (2002) 325-346), as ServeGen (arXiv 2505.09999) finds in production traffic.

    Parameters
    ----------
    mix : RequestMix
    rate_per_s : Signal
        [1/s] Requests to expect.
    duration_s : float
        [s] None come later.
    random : callable
        ``random(part)``: a stream of random numbers for ``"gaps"``, ``"prompts"``, ``"outputs"``, ``"samples"``.
    pairs : ndarray, shape (n, 2), optional
        Tokens of prompts and outputs, of which pairs are drawn in place of lognormal lengths.
    """

    def __init__(
        self,
        mix: RequestMix,
        rate_per_s: Signal,
        duration_s: float,
        random: Callable[[str], np.random.Generator],
        pairs: np.ndarray | None = None,
    ):
        self._mix, self._pairs = mix, pairs
        inside = rate_per_s.times_s[(rate_per_s.times_s > 0.0) & (rate_per_s.times_s < duration_s)]
        self._edges_s = np.concatenate([[0.0], inside, [duration_s]])
        spans_s = np.diff(self._edges_s)
        self._expected = np.concatenate([[0.0], np.cumsum(rate_per_s.means(self._edges_s) * spans_s)])
        self._gaps, self._prompts, self._outputs, self._samples = map(random, ("gaps", "prompts", "outputs", "samples"))
        self._reached = self._residual()
        self._drawn = [np.empty((0, 4))]
        self._last_s = -1.0

    @property
    def expected(self) -> float:
        """Requests to expect in all."""
        return float(self._expected[-1])

    def until(self, time_s: float) -> np.ndarray:
        """Those that arrive before a time and were not given before.

        Returns
        -------
        ndarray, shape (n, 4)
            arrival_s, prompt_tokens, output_tokens, a number in [0, 1) that says whether it is a sample.
        """
        while self._last_s < time_s and self._reached < self.expected:
            self._draw()
        drawn = np.concatenate(self._drawn)
        n = int(np.searchsorted(drawn[:, 0], time_s))
        self._drawn = [drawn[n:]]
        return drawn[:n]

    def _residual(self) -> float:
        """Time to the first request of a process that has been going on for ever: a part of a gap as it is met."""
        shape = 1.0 / self._mix.burst_cv**2
        return float(self._gaps.gamma(shape + 1.0) / shape * self._gaps.random())

    def _draw(self) -> None:
        """The next batch: the first of it at ``_reached`` requests to expect."""
        shape = 1.0 / self._mix.burst_cv**2
        at = self._reached + np.concatenate([[0.0], np.cumsum(self._gaps.gamma(shape, 1.0 / shape, BATCH))])
        self._reached = float(at[-1])
        arrival_s = np.interp(at[:-1], self._expected, self._edges_s)
        if self._pairs is None:
            prompts = _lengths(self._prompts, self._mix.prompt_tokens, self._mix.prompt_cv)
            outputs = _lengths(self._outputs, self._mix.output_tokens, self._mix.output_cv)
        else:
            prompts, outputs = self._pairs[self._prompts.integers(len(self._pairs), size=BATCH)].T
        made = np.stack([arrival_s, prompts, outputs, self._samples.random(BATCH)], axis=1)
        self._drawn.append(made[at[:-1] < self.expected])
        self._last_s = float(arrival_s[-1])


def _lengths(generator: np.random.Generator, mean: float, cv: float) -> np.ndarray:
    """Tokens of a batch, lognormal, at least one."""
    if cv == 0.0:
        return np.full(BATCH, max(round(mean), 1.0))
    sigma = math.sqrt(math.log1p(cv**2))
    lengths = mean * np.exp(sigma * generator.standard_normal(BATCH) - 0.5 * sigma**2)
    return np.maximum(np.rint(lengths), 1.0)


# What the requests of a trace look like, as a scenario says it: from a trace to synthetic requests like its own.

NEIGHBOURS = 200  # gaps, over whose mean each is measured: the rate of a moment


def mix_of(trace: Trace) -> RequestMix:
    """Means and CVs of the lengths, and the CV of the times between requests beside the changes of their rate.

    Parameters
    ----------
    trace : Requests
        Of at least two requests with a prompt and an output.
    """
    given = (trace.prompt_tokens > 0) & (trace.output_tokens > 0)
    prompt, prompt_cv = _moments(trace.prompt_tokens[given])
    output, output_cv = _moments(trace.output_tokens[given])
    return RequestMix(
        prompt_tokens=prompt, prompt_cv=prompt_cv, output_tokens=output, output_cv=output_cv,
        burst_cv=_burst_cv(trace.arrival_s[given]),
    )  # fmt: skip


def _moments(tokens: np.ndarray) -> tuple[float, float]:
    mean = float(tokens.mean())
    return mean, min(float(tokens.std()) / mean, 10.0)


def _burst_cv(arrival_s: np.ndarray) -> float:
    """CV of the gaps, each over the mean of those around it, so that a slow change of the rate is no burst."""
    gaps = np.diff(arrival_s)
    width = min(NEIGHBOURS, len(gaps))
    around = np.convolve(gaps, np.ones(width), mode="same") / np.convolve(np.ones(len(gaps)), np.ones(width), "same")
    relative = gaps[around > 0.0] / around[around > 0.0]
    return float(np.clip(relative.std() / relative.mean(), 0.01, 20.0)) if len(relative) else 1.0

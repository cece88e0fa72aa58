"""How long a step of an engine takes, as tables; the form that every way of knowing it is put in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gpusim.errors import ServingError
from gpusim.kernels.serving.state import ENTRY

AXES = ("chunk_tokens", "before_tokens", "decoding", "context_tokens")


@dataclass(frozen=True)
class Curve:
    """A function of a count, linear between its knots and beyond the last; below the first as there.

    Attributes
    ----------
    at : ndarray, shape (n,)
        Knots, rising.
    value_s : ndarray, shape (n,)
        [s] at the knots.
    """

    at: np.ndarray
    value_s: np.ndarray

    def __post_init__(self):
        _check_knots("at", self.at)
        _check_times("value_s", self.value_s, (len(self.at),))
        if (self.value_s < 0.0).any():
            raise ServingError(f"step times: value_s must be at least 0, found {self.value_s.min()}")

    def by_count(self, most: int) -> np.ndarray:
        """[s] at 0, 1, ..., ``most``: of nothing 0."""
        return _by_count(self.at, self.value_s, most)


def _by_count(at: np.ndarray, value_s: np.ndarray, most: int) -> np.ndarray:
    counts = np.arange(most + 1.0)
    values = np.interp(counts, at, value_s)
    if len(at) > 1:
        beyond = counts > at[-1]
        slope = (value_s[-1] - value_s[-2]) / (at[-1] - at[-2])
        values[beyond] = value_s[-1] + slope * (counts[beyond] - at[-1])
    values[0] = 0.0
    return values


@dataclass(frozen=True)
class Uneven:
    """What contexts of different lengths in a step cost: a share of what all contexts would as long as the longest.

    Attributes
    ----------
    edges : tuple of 5 ndarrays
        Upper edges of the buckets, each in its bucket; the last bucket has no end, whatever its edge. By prompt tokens
        in the step, decoding requests, evenness (mean - least) / (most - least) of the contexts, longest context,
        tokens before the prompt tokens.
    share : ndarray, shape (len of each of edges)
        Of attention with all contexts as long as the longest minus attention with all of mean length.
    """

    edges: tuple[np.ndarray, ...]
    share: np.ndarray

    def __post_init__(self):
        for edges in self.edges:
            _check_knots("edges but the last", edges[:-1], least=0)
        _check_times("share", self.share, tuple(len(edges) for edges in self.edges))


@dataclass(frozen=True, eq=False)  # equal only to itself, which makes it a key
class StepTimes:
    """How long a step takes: dense(tokens) + batch(requests) + attention.

    Attributes
    ----------
    dense : Curve
        [s] by tokens of the step: linear layers, norms, collectives.
    batch : Curve
        [s] by requests in the step: output layer, sampling, and the host's part.
    chunk_tokens, before_tokens, decoding, context_tokens : ndarray
        Knots of the four axes of ``attention_s``: prompt tokens in the step; tokens before them, weighted by prompt
        tokens (several prompts: such that tokens before plus half the prompt tokens is the mean context that a prompt
        token sees, hence maybe negative); decoding requests; their mean tokens in the KV cache. An axis on which
        nothing depends has one knot.
    attention_s : ndarray, shape (chunks, befores, decodings, contexts)
        [s] Attention of all layers, linear between knots and beyond the last; below the first as there.
    uneven : Uneven or None
    gathered : Curve or None
        [s] by tokens of all replicas in step with each other: what they compute together, as experts that are spread
        over them, and what they exchange for it.
    """

    dense: Curve
    batch: Curve
    chunk_tokens: np.ndarray
    before_tokens: np.ndarray
    decoding: np.ndarray
    context_tokens: np.ndarray
    attention_s: np.ndarray
    uneven: Uneven | None = None
    gathered: Curve | None = None

    def __post_init__(self):
        for name in AXES:
            _check_knots(name, getattr(self, name))
        _check_times("attention_s", self.attention_s, tuple(len(getattr(self, name)) for name in AXES))

    def times(self, factor: float) -> StepTimes:
        """The same with all times multiplied."""
        return replace(
            self,
            dense=Curve(self.dense.at, self.dense.value_s * factor),
            batch=Curve(self.batch.at, self.batch.value_s * factor),
            attention_s=self.attention_s * factor,
            gathered=self.gathered and Curve(self.gathered.at, self.gathered.value_s * factor),
        )

    def tables(self, budget: int, seats: int, ranks: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """As kernels read them, for steps of at most so many tokens and requests of ``ranks`` replicas each.

        Returns
        -------
        entry : recarray of ENTRY, shape (1,)
            Where each table stands.
        numbers : ndarray
            The tables, one behind the other.
        """
        entry, parts = np.zeros(1, ENTRY).view(np.recarray), []

        def put(values: np.ndarray) -> int:
            parts.append(np.ravel(values).astype(float))
            return sum(len(part) for part in parts[:-1])

        entry.dense, entry.batch = put(self.dense.by_count(budget)), put(self.batch.by_count(seats))
        entry.gathered = -1 if self.gathered is None else put(self.gathered.by_count(ranks * budget))
        for i, name in enumerate(AXES):
            entry.axis[0, i], entry.knots[0, i] = put(getattr(self, name)), len(getattr(self, name))
        entry.attention = put(self.attention_s)
        entry.decode = put(self._decode(seats))
        entry.uneven = -1
        if self.uneven is not None:
            for i, edges in enumerate(self.uneven.edges):
                entry.edge[0, i], entry.edges[0, i] = put(edges), len(edges)
            entry.uneven = put(self.uneven.share)
        return entry, np.concatenate(parts)

    def _decode(self, seats: int) -> np.ndarray:
        """[s] Attention of steps without prompt tokens, by decoding requests and knots of context."""
        at, none = self.before_tokens, self.attention_s[0]  # before no prompt tokens are 0 tokens
        i = int(np.clip(np.searchsorted(at, 0.0, side="right") - 1, 0, max(len(at) - 2, 0)))
        way = (max(0.0, at[0]) - at[i]) / (at[i + 1] - at[i]) if len(at) > 1 else 0.0
        alone = none[i] + way * (none[min(i + 1, len(at) - 1)] - none[i])
        return np.stack([_by_count(self.decoding, column, seats) for column in alone.T], axis=1)


def _check_knots(name: str, knots: np.ndarray, least: int = 1) -> None:
    if knots.ndim != 1 or len(knots) < least or not np.isfinite(knots).all() or (np.diff(knots) <= 0.0).any():
        raise ServingError(f"step times: {name} must be finite numbers that rise, found {knots}")


def _check_times(name: str, times: np.ndarray, shape: tuple[int, ...]) -> None:
    if times.shape != shape:
        raise ServingError(f"step times: {name} must have shape {shape}, found {times.shape}")
    if not np.isfinite(times).all():
        raise ServingError(f"step times: {name} must be finite")

"""How long a step takes, read off the tables from the definition."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from gpusim.serving.step_times import Curve, StepTimes


@dataclass
class Part:
    """What a step does for one request: so many tokens, after so many others; of a prompt or decoding."""

    tokens: int
    before: int
    prompt: bool


def step_time(times: StepTimes, engines: list[list[Part]]) -> float:
    """[s] A step of engines that wait for each other."""
    tokens = [sum(part.tokens for part in parts) for parts in engines]
    found = value(times.dense, max(tokens)) + value(times.batch, max(map(len, engines)))
    if times.gathered is not None:
        found += value(times.gathered, sum(tokens))
    return found + max(attention_of(times, parts) for parts in engines)


def value(curve: Curve, count: int) -> float:
    """[s] Of nothing 0."""
    return line(curve.at, curve.value_s, count) if count else 0.0


def attention_of(times: StepTimes, parts: list[Part]) -> float:
    """[s] Attention of one engine."""
    prompts = [part for part in parts if part.prompt]
    contexts = [part.before for part in parts if not part.prompt]
    chunk = sum(part.tokens for part in prompts)
    seen = sum(part.tokens * (part.before + part.tokens / 2) for part in prompts)  # of all tokens, from their middles
    before = seen / chunk - chunk / 2 if chunk else 0.0
    mean = sum(contexts) / len(contexts) if contexts else 0.0
    even = attention(times, chunk, before, len(contexts), mean)
    if times.uneven is None or len(contexts) < 2 or max(contexts) == min(contexts):
        return even
    gap = attention(times, chunk, before, len(contexts), max(contexts)) - even
    evenness = (mean - min(contexts)) / (max(contexts) - min(contexts))
    where = (chunk, len(contexts), evenness, max(contexts), before)
    share = times.uneven.share[tuple(bucket(edges, x) for edges, x in zip(times.uneven.edges, where))]
    return even + share * max(gap, 0.0)


def attention(times: StepTimes, *where: float) -> float:
    """[s] Linear along each axis, the last axis first."""
    table = times.attention_s.T
    axes = (times.chunk_tokens, times.before_tokens, times.decoding, times.context_tokens)
    for axis, x in zip(reversed(axes), reversed(where)):
        table = line(axis, table, x)
    return float(table)


def line(knots: np.ndarray, values: np.ndarray, x: float) -> np.ndarray | float:
    """Value between two knots; the first below all, the last line beyond all."""
    if len(knots) == 1 or x <= knots[0]:
        return values[0]
    i = min(bisect_right(knots, x) - 1, len(knots) - 2)
    way = (x - knots[i]) / (knots[i + 1] - knots[i])
    return values[i] * (1.0 - way) + values[i + 1] * way


def bucket(edges: np.ndarray, x: float) -> int:
    """First bucket whose upper edge is not below; the last has none."""
    return next((i for i in range(len(edges) - 1) if x <= edges[i]), len(edges) - 1)

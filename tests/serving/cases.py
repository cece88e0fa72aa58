"""Random deployments and requests, small enough for a plain engine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.step_times import Curve, StepTimes, Uneven


def step_times(random: np.random.Generator, uneven: bool = True) -> StepTimes:
    """Tables that rise along each axis, with few knots or one."""

    def knots(first: float, most: int) -> np.ndarray:
        steps = random.integers(1, 40, size=random.integers(1, most))
        return first + np.cumsum(steps).astype(float)

    def curve(first_s: float) -> Curve:
        at = knots(0.0, 5)
        return Curve(at, first_s + np.cumsum(random.uniform(0.0, 0.01, len(at))))

    axes = [np.r_[0.0, knots(0.0, 4)], knots(-20.0, 4), np.r_[0.0, knots(0.0, 4)], knots(0.0, 5)]
    attention_s = random.uniform(0.0, 0.002, [len(axis) for axis in axes])
    for axis in range(4):
        attention_s = np.cumsum(attention_s, axis=axis)
    edges = ([0.0, 20.0, np.inf], [4.0, np.inf], [0.2, 0.5, 1.0], [30.0, 60.0, np.inf], [0.0, np.inf])
    share = random.uniform(0.0, 0.5, [len(edge) for edge in edges])
    return StepTimes(
        curve(0.01),
        curve(0.0),
        *axes,
        attention_s,
        uneven=Uneven(tuple(map(np.array, edges)), share) if uneven else None,
        gathered=curve(0.0) if random.integers(2) else None,
    )


def deployment(random: np.random.Generator, **changes) -> Deployment:
    """Blocks for two to a dozen of the requests, few seats and a small budget."""
    seats = int(random.integers(1, 12))
    return Deployment(
        **{
            "step_times": step_times(random, uneven=bool(random.integers(2))),
            "kv_blocks": int(random.integers(26, 120)),
            "block_tokens": int(random.integers(3, 9)),
            "max_batched_tokens": int(seats + random.integers(0, 60)),
            "max_requests": seats,
            "longest_chunk": int(random.integers(0, 20) * random.integers(2)),
            "pauses_decode": bool(random.integers(4) == 0),
            "reserves_output": bool(random.integers(4) == 0),
            "scheduled_ahead": bool(random.integers(2)),
            "prefix_caching": bool(random.integers(2)),
            "watermark_blocks": int(random.integers(0, 3)),
            **changes,
        }
    )


def requests(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Up to 75 tokens each, at rates from idle to overload, some at the same time; prompts begin alike in part."""
    gaps_s = random.exponential(random.choice([0.01, 0.1, 1.0]), n) * random.integers(0, 3, n)
    return pd.DataFrame(
        {
            "arrival_s": np.cumsum(gaps_s),
            "prompt_tokens": random.integers(1, 40, n),
            "output_tokens": random.integers(1, 36, n),
            "hash_ids": _chains(random, n),
        }
    )


def _chains(random: np.random.Generator, n: int) -> list[tuple]:
    """Hashes of blocks: each stands for a path in a tree, of which few go on alike."""
    names: dict[tuple, int] = {}
    paths = random.integers(0, random.integers(1, 4), size=(n, 13))
    return [tuple(names.setdefault(tuple(path[: i + 1]), len(names)) for i in range(len(path))) for path in paths]


def sessions(random: np.random.Generator, n: int, block_tokens: int) -> pd.DataFrame:
    """Up to three turns with two agents between them, of up to 70 tokens; each goes on where the one before ended."""
    rows = []

    def ask(before: str, after: list[int], known: int) -> int:
        prompt = known + int(random.integers(1, 9))
        output = int(random.integers(1, 7))
        names = [f"{before}:{i}" for i in range((prompt + output) // block_tokens)]
        rows.append((random.uniform(0.0, 2.0), prompt, output, names, after, random.choice([0.0, 0.05, 0.3])))
        return len(rows) - 1

    for session in range(n):
        turn = ask(f"{session}", [], 0)
        for _ in range(random.integers(0, 3)):
            known = rows[turn][1] + rows[turn][2]
            agents = [ask(f"{session}", [turn], known)] + [
                ask(f"{session}/{len(rows)}", [turn], 0) for _ in range(random.integers(0, 3))
            ]
            turn = ask(f"{session}", agents, rows[agents[0]][1] + rows[agents[0]][2])
    numbers: dict[str, int] = {}
    columns = ["arrival_s", "prompt_tokens", "output_tokens", "hash_ids", "after", "delay_s"]
    table = pd.DataFrame(rows, columns=columns)
    table["hash_ids"] = [[numbers.setdefault(name, len(numbers)) for name in names] for names in table["hash_ids"]]
    return table

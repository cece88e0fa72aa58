"""A plain engine that serves requests step by step: no kernel, lists of requests, a rule that picks those of a step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Pick = Callable[[list[int], list[int], list[int]], tuple[list[int], list[int]]]
"""From those with prompt tokens left, those that decode, and all tokens left: chunks of the first ones, who decodes."""


def prompts_first(most_tokens: int) -> Pick:
    """Prompts whole, as they came, the first however long; then those that decode, while there is room."""

    def pick(waiting: list[int], running: list[int], left: list[int]) -> tuple[list[int], list[int]]:
        chunks, room = [], most_tokens
        for request in waiting:
            if chunks and left[request] > room:
                break
            chunks.append(left[request])
            room -= left[request]
        return chunks, running[: max(room, 0 if chunks else 1)]

    return pick


def decode_first(most_tokens: int, whole: bool = False) -> Pick:
    """All that decode; then prompts, as they came, while there is room: the last as much as fits, or ``whole``."""

    def pick(waiting: list[int], running: list[int], left: list[int]) -> tuple[list[int], list[int]]:
        chunks, room = [], most_tokens - len(running)
        for request in waiting:
            if room == 0 or (whole and left[request] > room):
                break
            chunks.append(min(left[request], room))
            room -= chunks[-1]
        return chunks, running

    return pick


def serve(requests: pd.DataFrame, step_s: Callable[[int, int], float], pick: Pick) -> pd.DataFrame:
    """When each request had its first token and its last, by one engine with memory for all.

    Parameters
    ----------
    requests : DataFrame
        ``arrival_s``, rising, ``prompt_tokens``, ``output_tokens``.
    step_s : function
        [s] A step with so many prompt tokens and so many requests that decode.
    pick : Pick
        Asked before each step about those that have arrived.

    Returns
    -------
    DataFrame
        ``first_token_s``, ``end_s``; rows as given.
    """
    arrival_s, left = requests["arrival_s"].tolist(), requests["prompt_tokens"].tolist()
    outputs = requests["output_tokens"].tolist()
    first_s, end_s = np.full(len(left), np.nan), np.full(len(left), np.nan)
    now, arrived = 0.0, 0
    waiting: list[int] = []
    running: list[int] = []
    while arrived < len(left) or waiting or running:
        if not waiting and not running:
            now = max(now, arrival_s[arrived])
        while arrived < len(left) and arrival_s[arrived] <= now:
            waiting.append(arrived)
            arrived += 1
        chunks, decoding = pick(waiting, running, left)
        now += step_s(sum(chunks), len(decoding))
        for request, chunk in zip(waiting, chunks):
            left[request] -= chunk
        begun = [request for request in waiting[: len(chunks)] if left[request] == 0]
        first_s[begun] = now
        waiting = waiting[len(begun) :]
        for request in (*begun, *decoding):
            outputs[request] -= 1
            if outputs[request] == 0:
                end_s[request] = now
        running = sorted(request for request in (*running, *begun) if outputs[request] > 0)
    return pd.DataFrame({"first_token_s": first_s, "end_s": end_s}, index=requests.index)

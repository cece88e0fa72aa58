"""Requests to a language model: when each came, how long its prompt and its output were, what prompts share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Requests:
    """Requests in order of arrival.

    Attributes
    ----------
    arrival_s : ndarray of float, shape (n,)
        [s] since the first request.
    prompt_tokens, output_tokens : ndarray of int64, shape (n,)
    origin : datetime or None
        Calendar time of the first request, taken as UTC where the file names no zone; microseconds, cut off. None if
        the file has no dates.
    notes : dict of str to int
        Oddities survived: what -> how often.
    hash_ids : list of list of int, optional
        Of each request, a number for each block of its prompt that stands for all up to the block's end; equal numbers,
        equal beginnings.
    block_tokens : int
        Tokens of such a block; 0 without.
    adapter : ndarray of object, shape (n,), optional
        Name of the adapter (LoRA) of each request; None if it has none.
    priority : ndarray of int64, shape (n,), optional
        The higher goes first.
    """

    arrival_s: np.ndarray
    prompt_tokens: np.ndarray
    output_tokens: np.ndarray
    origin: datetime | None
    notes: dict[str, int]
    hash_ids: list[list[int]] | None = None
    block_tokens: int = 0
    adapter: np.ndarray | None = None
    priority: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.arrival_s)

    def to_frame(self) -> pd.DataFrame:
        """As ``gpusim.replay`` takes them: those with a prompt and an output; columns arrival_s, prompt_tokens, ..."""
        columns = {name: getattr(self, name) for name in ("arrival_s", "prompt_tokens", "output_tokens")}
        frame = pd.DataFrame(columns)
        if self.hash_ids is not None:
            frame["hash_ids"] = self.hash_ids
        for name in ("adapter", "priority"):
            if getattr(self, name) is not None:
                frame[name] = getattr(self, name)
        return frame[(frame["prompt_tokens"] > 0) & (frame["output_tokens"] > 0)]

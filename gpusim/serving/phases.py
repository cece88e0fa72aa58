"""What replicas draw from moment to moment: prefill or decode, by how many requests each has in either.

Between two changes of its batch a replica draws the mean of its steps, as ``power`` has it. A request prefills from its
first admission to its first token, with all others of its replica that do, and decodes from then to its last token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.entry import Entry
from gpusim.serving.power import step_power_w


@dataclass(frozen=True)
class Phases:
    """Power above idle of some replicas together, the same between changes.

    Attributes
    ----------
    time_s : ndarray, shape (n,)
        [s] Of the changes, rising.
    power_w : ndarray, shape (n,)
        [W] From each change to the next; behind the last 0.
    """

    time_s: np.ndarray
    power_w: np.ndarray

    def energy_j(self, at_s: np.ndarray) -> np.ndarray:
        """[J] Up to some moments."""
        if not len(self.time_s):
            return np.zeros(len(at_s))
        drawn_j = np.append(0.0, np.cumsum(self.power_w[:-1] * np.diff(self.time_s)))
        return np.interp(at_s, self.time_s, drawn_j)


def phases(requests: pd.DataFrame, entry: Entry, deployment: Deployment) -> Phases:
    """Power of replicas whose requests were served.

    Parameters
    ----------
    requests : DataFrame
        ``replica``; ``prefill_s``, ``decode_s``, ``end_s`` [s]: when each was admitted, had its first token, and its
        last; equal times where it does not prefill, or not decode; ``left_tokens``, of its prompt, that were not
        cached; ``context_tokens``, in the KV cache while it decodes, mean.
    entry : Entry
    deployment : Deployment
        Its rules: the tokens of a step, and whether prompts pause decoding.
    """
    changes = pd.concat(
        [
            _changes(requests, "prefill_s", prefilling=1, prompt_tokens=requests["left_tokens"]),
            _changes(requests, "decode_s", prefilling=-1, prompt_tokens=-requests["left_tokens"], decoding=1,
                     context_tokens=requests["context_tokens"]),
            _changes(requests, "end_s", decoding=-1, context_tokens=-requests["context_tokens"]),
        ]
    ).sort_values(["replica", "time_s"], ignore_index=True)  # fmt: skip
    there = changes[["prefilling", "prompt_tokens", "decoding", "context_tokens"]].cumsum()  # each replica's end in 0
    drawn_w = _power_w(there, entry, deployment)
    before_w = np.append(0.0, drawn_w[:-1])
    before_w[changes["replica"].diff().to_numpy() != 0] = 0.0
    order = np.argsort(changes["time_s"].to_numpy(), kind="stable")
    total_w = np.maximum(np.cumsum((drawn_w - before_w)[order]), 0.0)
    return Phases(changes["time_s"].to_numpy()[order], total_w)


def _changes(requests: pd.DataFrame, when: str, **counts: int | pd.Series) -> pd.DataFrame:
    """By how much requests change what their replicas have to do, at a time of theirs."""
    nothing = {"prefilling": 0, "prompt_tokens": 0.0, "decoding": 0, "context_tokens": 0.0}
    return pd.DataFrame({"replica": requests["replica"], "time_s": requests[when], **nothing, **counts})


def _power_w(there: pd.DataFrame, entry: Entry, deployment: Deployment) -> np.ndarray:
    """[W] Above idle of replicas with so many requests, each row one copy of the attention."""
    layout, columns = entry.replica.layout, {name: there[name].to_numpy(float) for name in there}
    drawn_w, busy = np.zeros(len(there)), (columns["prefilling"] > 0) | (columns["decoding"] > 0)
    prefilling, prompts, decoding, contexts = (columns[name][busy] for name in there)
    chunk = np.where(prefilling > 0, np.clip(prompts, 1.0, deployment.max_batched_tokens), 0.0)
    sequences = decoding * (1 + deployment.drafts)
    if deployment.pauses_decode:
        sequences = np.where(prefilling > 0, 0.0, sequences)
    mean = np.divide(contexts, decoding, out=np.zeros(len(contexts)), where=decoding > 0)
    copies = layout.dp / layout.pp  # a stage works on its share of what all copies have
    of_gpu_w = step_power_w(entry.replica, entry.coefficients, entry.draws, copies * sequences, mean, copies * chunk)
    drawn_w[busy] = (of_gpu_w - entry.replica.gpu.idle_w) * layout.gpus / layout.dp
    return drawn_w

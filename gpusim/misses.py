"""Why a request missed an objective of its service, one row each: its code, its words, its colour.

A request that missed has one cause. To add one: a row here, and the place in ``gpusim/kernels/serving/`` that finds it.
"""

from __future__ import annotations

from typing import NamedTuple


class MissRow(NamedTuple):
    """One cause.

    ``short`` fits a table or a legend; ``clause`` fills "Requests were late because ..."; ``relief`` fills
    "Relief: ...".
    """

    name: str
    code: int  # its place in the engine's arrays
    colour: str
    short: str
    clause: str
    relief: str


# Colours: Okabe and Ito's, tints and shades of them.
MISSES = (
    # All replicas that were wanted ran.
    MissRow("queue", 0, "#0072B2", "queue at the replica",
            "they waited in the queue of their replica",
            "more replicas, a lower target utilisation, or a queue-aware router"),
    MissRow("kv_memory", 1, "#CC79A7", "KV memory",
            "the KV cache of their replica was full",
            "more memory for the KV cache, or more replicas"),
    MissRow("interference", 2, "#E69F00", "prefill of other requests",
            "steps went to the prefill of other requests",
            "smaller prefill chunks, or dedicated prefill replicas"),
    MissRow("batch", 3, "#56B4E9", "large batches",
            "too many other requests were decoded in the same batch",
            "more replicas, or smaller batches"),
    # Replicas that were wanted loaded their weights.
    MissRow("cold_start", 4, "#F0E442", "cold start",
            "the replicas needed were still loading their weights",
            "faster loading, or earlier scale-up"),
    # Replicas that were wanted found no GPUs: busy, not there, or beyond the quota.
    MissRow("no_gpu", 5, "#D55E00", "no GPU to scale onto",
            "no GPUs were available for the replicas needed",
            "more GPUs, or preemptible jobs"),
    MissRow("power", 6, "#7B5BA6", "power",
            "the replicas needed lacked power, lost it, or were slowed by caps on it",
            "a higher power limit"),
    MissRow("failure", 7, "#000000", "failure",
            "the node of their replica failed, or nodes for the replicas needed were down",
            "fewer failures, or spare replicas"),
    # Without the way there and back they would have been in time.
    MissRow("network", 8, "#009E73", "network distance",
            "the network round trip to their replica took too long",
            "a site closer to the users"),
    # On an idle replica they would have been late as well.
    MissRow("alone", 9, "#9A9A9A", "too slow even on an idle replica",
            "even an idle replica would have been too slow",
            "faster GPUs, another parallel layout, or a looser objective"),
    # Prompt and answer do not fit, or no step takes the whole prompt where it must: such requests are refused.
    MissRow("too_long", 10, "#44546A", "too long for a replica",
            "they were longer than the KV cache of a replica, or than a step for whole prompts",
            "more GPUs per replica, weights in fewer bits, or more tokens in a step for whole prompts"),
    # Links had more to carry than they could, or carried nothing.
    MissRow("link", 11, "#8C510A", "network: link busy",
            "a link to their replica, or between its sites, was full or down",
            "more bandwidth on the links, or replicas where the users are"),
)  # fmt: skip

BY_NAME = {row.name: row for row in MISSES}

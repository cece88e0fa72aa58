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
    MissRow("queue", 0, "#0072B2", "queue for a replica",
            "they waited in the queue of their replica",
            "more replicas, a lower target, or a router that sees queues"),
    MissRow("kv_memory", 1, "#CC79A7", "KV memory",
            "the KV cache of their replica was full",
            "more memory for the KV cache, or more replicas"),
    MissRow("interference", 2, "#E69F00", "prefill of others",
            "steps went to the prompts of others",
            "smaller chunks of prompts, or prefill on replicas of its own"),
    MissRow("batch", 3, "#56B4E9", "large batches",
            "too many others were decoded in the same steps",
            "more replicas, or fewer requests at a time on each"),
    # Replicas that were wanted loaded their weights.
    MissRow("cold_start", 4, "#F0E442", "cold start",
            "replicas that were wanted still loaded their weights",
            "faster loading, or replicas that start earlier"),
    # Replicas that were wanted found no GPUs: busy, not there, or beyond the quota.
    MissRow("no_gpu", 5, "#D55E00", "no GPU to scale onto",
            "replicas that were wanted found no GPUs",
            "more GPUs, or jobs that give way"),
    MissRow("power", 6, "#7B5BA6", "power",
            "replicas that were wanted lacked power, or lost it",
            "a larger power limit"),
    MissRow("failure", 7, "#000000", "failure",
            "the node of their replica failed, or replicas that were wanted found nodes broken",
            "fewer failures, or spare replicas"),
    # Without the way there and back they would have been in time.
    MissRow("network", 8, "#009E73", "network distance",
            "the way to their replica and back took too long",
            "a site nearer to the users"),
    # On an idle replica they would have been late as well.
    MissRow("alone", 9, "#9A9A9A", "too slow even alone",
            "even an idle replica would have been too slow for them",
            "faster GPUs, another layout, or a looser objective"),
    # Prompt and answer do not fit: such requests are refused.
    MissRow("too_long", 10, "#44546A", "too long for the KV cache",
            "they were longer than the KV cache of a replica",
            "more GPUs for each replica, or fewer bytes per weight"),
)  # fmt: skip

BY_NAME = {row.name: row for row in MISSES}

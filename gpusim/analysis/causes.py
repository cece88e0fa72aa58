"""The causes of the ledger in words: what each means, what would relieve it, and which waiting goes with it."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One cause for a reader who has never seen the ledger.

    ``short`` fits a table or a legend; ``clause`` fills "At SITE, KIND ..."; ``relief`` fills "Relief: ...".
    """

    short: str
    clause: str
    relief: str


USEFUL = ("training", "serving")
HELD = (*USEFUL, "serving_idle", "loading", "checkpointing", "lost_work")  # held by jobs and replicas
SLACK = ("idle_no_demand", "serving_idle")  # nobody asked for these GPUs: no resource is at fault
OFFLINE = ("not_delivered", "not_housed", "not_energised")  # not there to be used, and not paid for
ABSENT = (*OFFLINE, "down")  # held something back only as far as somebody asked for it
BUSY = "busy"  # the bottleneck is GPUs: all at work, others wait; costs waiting but no GPU-hours

# Causes of waiting, and the losses that they belong to. Waiting because GPUs were busy is shared between BUSY and
# idle_reserved by how many GPUs were at work and how many stood free for a job too large for them.
LOSS_OF_WAIT = {
    "busy": BUSY,
    "not_delivered": "not_delivered",
    "not_housed": "not_housed",
    "not_energised": "not_energised",
    "down": "down",
    "fragmented": "idle_fragmented",
    "power": "idle_power",
    "rule": "idle_rule",
    "quota": "idle_quota",
    "cycle": "idle_cycle",
    "policy": "idle_policy",
    "data": "idle_data",
}

WORDS = {
    "busy": Words(
        "GPUs busy", "GPUs were all at work while more jobs waited for them", "more GPUs, or less work sent here"
    ),
    "not_delivered": Words("GPUs not delivered", "GPUs had not been delivered yet", "an earlier delivery"),
    "not_housed": Words(
        "no hall for the GPUs",
        "GPUs stood delivered, but no hall was ready to house and cool them",
        "an earlier or larger hall",
    ),
    "not_energised": Words(
        "grid connection too small",
        "GPUs stood delivered, but the grid connection could not power them",
        "an earlier or larger grid connection",
    ),
    "down": Words("broken nodes", "nodes were broken or in repair", "fewer failures, faster repair or spare nodes"),
    "idle_reserved": Words(
        "held free for a large job",
        "GPUs stood free, but too few for the large job at the head of the queue",
        "smaller jobs, more GPUs in one place, or a queue that lets more jobs pass",
    ),
    "idle_fragmented": Words(
        "scattered free GPUs",
        "GPUs were free in sufficient number, but so scattered over nodes that the next job did not fit",
        "packing jobs more tightly",
    ),
    "idle_power": Words(
        "power limit", "GPUs stood free because the site had no power left for the next job", "a larger power limit"
    ),
    "idle_rule": Words(
        "capped by a rule",
        "GPUs stood free because a rule had the site draw less than its grid connection gives",
        "an exemption from the rule, generation on site, or work elsewhere while it binds",
    ),
    "idle_quota": Words(
        "tenants at their quota",
        "GPUs stood free while the only tenants with waiting jobs had used up their quota",
        "larger quotas, or quotas that lend what is free",
    ),
    "idle_cycle": Words(
        "waiting for the scheduler", "GPUs stood free until the scheduler's next cycle", "a shorter scheduling cycle"
    ),
    "idle_policy": Words(
        "held back by the policy",
        "GPUs stood free while the scheduling policy chose to start nothing",
        "a policy that starts what fits",
    ),
    "idle_data": Words(
        "waiting for data",
        "GPUs stood free while the data of the jobs sent here were on their way",
        "more WAN bandwidth, or data nearer to the GPUs",
    ),
    "loading": Words(
        "loading data and weights", "GPUs were held while data and weights loaded", "faster storage, or fewer restarts"
    ),
    "checkpointing": Words(
        "writing checkpoints",
        "GPUs stood still while checkpoints were written",
        "faster checkpoint storage, or fewer checkpoints",
    ),
    "lost_work": Words(
        "work lost and done again",
        "GPUs did work that was lost when jobs were evicted",
        "more frequent checkpoints, or fewer evictions",
    ),
    "serving_idle": Words(
        "replicas on standby",
        "inference replicas stood ready beyond what demand needed",
        "a higher target utilisation of the services",
    ),
    "idle_no_demand": Words("no demand", "GPUs stood idle because nobody asked for them", "more demand"),
    "serving": Words("serving", "GPUs served inference requests", ""),
    "training": Words("training and batch", "GPUs ran training and batch jobs", ""),
}

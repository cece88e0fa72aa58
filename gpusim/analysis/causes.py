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


HELD_BACK = (
    "Held back are the GPU-hours of a cause, at every moment no more than were asked for in vain, each GPU counted"
    " once; of busy GPUs, those at work for others."
)

USEFUL = ("training", "serving")
STALLED = (
    "loading",
    "checkpointing",
    "lost_work",
    "slowed",
)  # asked for by the jobs that hold them, in vain
HELD = (*USEFUL, "serving_idle", *STALLED)  # held by jobs and replicas
SLACK = ("idle_no_demand", "serving_idle")  # nobody asked for these GPUs: no resource is at fault
OFFLINE = ("not_delivered", "not_housed", "not_energised")  # not there to be used, and not paid for
ABSENT = (*OFFLINE, "down")  # held something back only as far as somebody asked for it
BUSY = "busy"  # the bottleneck is GPUs: all at work, others wait; costs waiting but no GPU-hours

# Jobs that were turned away: no GPU of the fleet was lost to them, but all the work that they asked for.
REJECTED = ("rejected_size", "rejected_type", "rejected_residency", "rejected_link", "rejected_queue")

# Causes of waiting, and the losses that they belong to. Of waiting for GPUs at work or absent, a part belongs to
# idle_reserved and idle_fragmented: as large as the part of what was asked for that stood free, or was held unasked.
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
        "GPUs busy", "GPUs were at work while more jobs waited for them", "more GPUs, or less work sent here"
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
        "GPUs stood free, but too few for the job at the head of the queue or the next replica",
        "smaller jobs, more GPUs in one place, or a queue that lets more jobs pass",
    ),
    "idle_fragmented": Words(
        "scattered free GPUs",
        "GPUs were free, but too scattered over nodes for the next job, or held in whole nodes by gangs that asked for"
        " fewer",
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
    "slowed": Words(
        "runs slowed or paused",
        "GPUs were held by runs that were slowed or paused",
        "what slows them taken away, be it a power cap or a slow node",
    ),
    "serving_idle": Words(
        "replicas on standby",
        "inference replicas stood ready beyond what demand needed",
        "a higher target utilisation of the services",
    ),
    "rejected_size": Words(
        "jobs too large for every pool",
        "jobs were rejected, as no pool that they may use can ever hold them",
        "one pool of {need} GPUs, or jobs of {largest} at most",
    ),
    "rejected_type": Words(
        "GPU type at no site",
        "jobs were rejected, as no site has a GPU type that they may use",
        "a pool of {kinds} with {need} GPUs, or jobs that may use other types",
    ),
    "rejected_residency": Words(
        "residency admits no site",
        "jobs were rejected, as no site with GPUs that they may use lies where their residency admits",
        "a pool of {need} GPUs in {places}, or a wider residency",
    ),
    "rejected_link": Words(
        "no link to the data",
        "jobs were rejected, as no link leads from their data to GPUs that they may use",
        "a link from {homes} to a pool of {need} GPUs, or such a pool there",
    ),
    "rejected_queue": Words(
        "queue full", "jobs were rejected, as the queue was full", "a larger queue limit, or more GPUs"
    ),
    "idle_no_demand": Words("no demand", "GPUs stood idle because nobody asked for them", "more demand"),
    "serving": Words("serving", "GPUs served inference requests", ""),
    "training": Words("training and batch", "GPUs ran training and batch jobs", ""),
}

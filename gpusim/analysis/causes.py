"""The causes of the ledger in words, and which kind of waiting goes with which loss."""

from __future__ import annotations

USEFUL = ("training", "serving")
SLACK = ("idle_no_demand", "serving_idle")
WAIT_OF = {
    "not_delivered": "not_delivered",
    "not_energised": "not_energised",
    "down": "down",
    "idle_reserved": "busy",
    "idle_fragmented": "fragmented",
    "idle_power": "power",
    "idle_quota": "quota",
    "idle_cycle": "cycle",
}
SENTENCES = {
    "not_delivered": "GPUs had not been delivered yet",
    "not_energised": "GPUs stood delivered, but the grid connection could not carry them",
    "down": "nodes were down",
    "idle_no_demand": "GPUs idled because nobody asked for them",
    "idle_reserved": "free GPUs were too few for the large job at the head of the queue",
    "idle_fragmented": "enough GPUs were free, but scattered so that the next job did not fit",
    "idle_power": "GPUs idled because the site had no power left for the next job",
    "idle_quota": "GPUs idled while the only waiting tenants were at their quota",
    "idle_cycle": "GPUs idled until the scheduler's next cycle",
    "loading": "GPUs waited for data and weights to load",
    "checkpointing": "GPUs waited for checkpoints to be written",
    "lost_work": "work was done and then lost to evictions",
    "serving_idle": "inference replicas stood ready above what demand needed",
}

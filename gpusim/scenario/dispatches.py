"""Rules of dispatch: which pool an arriving job joins."""

from __future__ import annotations

DISPATCHES = {
    "home": "the pools in the job's home region, of these the least loaded",
    "least_loaded": "the fewest GPUs held and asked for, of those that are on",
    "earliest_start": "the shortest expected wait for GPUs and data",
    "cheapest": "of those that can start it at once, where power for its work costs least now; else the least loaded",
    "greenest": "the same by carbon, average or marginal by scheduler.carbon",
    "best_node": "of those that can start it at once, that with the node of the highest score, under a placement that"
    " scores nodes; else the least loaded",
}

"""Placements: which node a job of at most one node takes, and which GPU if it shares one."""

from __future__ import annotations

from typing import NamedTuple


class PlacementSpec(NamedTuple):
    """A placement: its rule, where it is from, and what a decision costs."""

    rule: str
    source: str
    cost: str


_SETS = "sizes of jobs on a node"
_SCORES = "nodes changed since the last such job x their GPUs, and a look at all scores"
PLACEMENTS = {
    "best_fit": PlacementSpec("the node with the fewest free GPUs that suffice", "Johnson 1973, bin packing", _SETS),
    "first_fit": PlacementSpec("the first node with room", "Johnson 1973, bin packing", _SETS),
    "spread": PlacementSpec("the node with the most free GPUs (worst fit)", "Johnson 1973, bin packing", _SETS),
    "random": PlacementSpec("any node with room, any GPU with room", "", _SCORES),
    "dot_product": PlacementSpec(
        "the least product of what is free and what is asked, of CPUs and GPUs",
        "Grandl et al. SIGCOMM'14 (Tetris)", _SCORES,
    ),
    "clustering": PlacementSpec(
        "nodes with jobs that ask for as many GPUs, then empty ones", "Xiao et al. OSDI'18 (Gandiva)", _SCORES
    ),
    "packing": PlacementSpec(
        "GPUs in use, then idle GPUs of nodes in use, then idle nodes", "Amaral et al. SC'17", _SCORES
    ),
    "least_left": PlacementSpec(
        "the least CPU and GPU left over, equally weighted (`best-fit` of `gpusim pack`)",
        "Hadary et al. OSDI'20 (Protean)", _SCORES,
    ),
    "fgd": PlacementSpec(
        "where fragments grow least: GPU that the run's usual jobs could not use", "Weng et al. ATC'23 (FGD)",
        f"{_SCORES}, times kinds of usual requests",
    ),
}  # fmt: skip
SCORED = tuple(PLACEMENTS)[tuple(PLACEMENTS).index("random") :]

"""The scheduling policies that come with gpusim: rule, source, cost, options, and how each decides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from gpusim.errors import did_you_mean
from gpusim.scenario.base import Model
from gpusim.scenario.policy_options import (
    DeadlineOptions,
    DeferralOptions,
    GavelOptions,
    GittinsOptions,
    HierarchicalOptions,
    LeasesOptions,
    LevelOptions,
    MastOptions,
    MultifactorOptions,
    NoOptions,
    PolluxOptions,
    ReservationsOptions,
    SiaOptions,
    SloOptions,
    SpotOptions,
)


class How(Enum):
    """How a policy decides, which says what it works with."""

    QUEUE = "orders the queue"
    GREEDY = "preempts for the head"
    ROUNDS = "decides in rounds"


class PolicySpec(NamedTuple):
    """A policy that comes with gpusim; all work on any number of pools, with failures, limits of power and services."""

    how: How
    rule: str
    source: str
    options: type[Model] = NoOptions
    path: str = ""  # of its function or class below gpusim.policies; FIFO and fair share are the engine's own


_Q, _G, _R = How.QUEUE, How.GREEDY, How.ROUNDS
ORDERS: dict[str, PolicySpec] = {
    "fifo": PolicySpec(_Q, "the earliest submission", "batch systems since the 1960s"),
    "sjf": PolicySpec(
        _Q, "the shortest estimate", "Smith 1956, Various optimizers for single-stage production",
        path="queue_orders:sjf",
    ),
    "priority": PolicySpec(
        _Q, "the most urgent", "Cobham 1954, Priority assignment in waiting line problems",
        path="queue_orders:priority",
    ),
    "largest": PolicySpec(
        _Q, "the most GPUs", "first fit decreasing: Johnson 1973, Near-optimal bin packing",
        path="queue_orders:largest",
    ),
    "smallest": PolicySpec(
        _Q, "the fewest GPUs", "Majumdar et al. 1988, multiprogrammed parallel systems",
        path="queue_orders:smallest",
    ),
    "gpu_time": PolicySpec(
        _Q, "the least estimate x GPUs (QSSF)", "Hu et al. SC'21, Characterization of deep learning workloads (Helios)",
        path="queue_orders:gpu_time",
    ),
    "deadline": PolicySpec(
        _Q, "the earliest deadline", "Liu and Layland 1973; of GPU clusters: Gao et al. SoCC'21 (Chronus)",
        DeadlineOptions,
        path="queue_orders:deadline",
    ),
    "fair_share": PolicySpec(
        _Q, "the tenant with the fewest GPUs for its share; where nodes limit CPUs or memory, with the least dominant"
        " share for its share (DRF)", "Ghodsi et al. NSDI'11"
    ),
    "srtf": PolicySpec(
        _G, "the shortest remaining time", "Schrage 1968, least mean time with one server",
        path="running_orders:srtf",
    ),
    "srtf_gpu": PolicySpec(
        _G, "the least remaining time x GPUs", "Gu et al. NSDI'19 (Tiresias, its SRSF)",
        path="running_orders:srtf_gpu",
    ),
    "las": PolicySpec(
        _G, "the least time on GPUs so far, in levels", "Nuyens and Wierman 2008, foreground-background queues",
        LevelOptions,
        path="running_orders:las",
    ),
    "las_2d": PolicySpec(
        _G, "the least GPU-time so far, in levels", "Gu et al. NSDI'19 (Tiresias, discretised 2D-LAS)", LevelOptions,
        path="running_orders:las_2d",
    ),
    "gittins": PolicySpec(
        _G, "the best chance to end per unit of time, given the time run so far", "Gittins 1979; Gu et al. NSDI'19",
        GittinsOptions,
        path="running_orders:gittins",
    ),
    "finish_time": PolicySpec(
        _R, "the worst ratio of finish time to that with an equal part of the pool", "Mahajan et al. NSDI'20 (Themis)",
        path="finish_time:FinishTime",
    ),
    "weighted_fair": PolicySpec(
        _R, "GPUs to tenants by shares, by dominant shares where nodes limit CPUs or memory (DRF); lent GPUs are"
        " reclaimed", "max-min: Bertsekas and Gallager 1992, 6.5.2; Ghodsi et al. NSDI'11; borrowing as in YARN's"
        " capacity scheduler", path="weighted_fair:WeightedFair",
    ),
    "hierarchical": PolicySpec(
        _R, "GPUs to groups by weights, then to tenants by shares; lent GPUs are reclaimed",
        "Bhattacharya et al. SoCC'13 (H-DRF), of one resource; queues as in YARN's capacity scheduler",
        HierarchicalOptions, "hierarchical:Hierarchical",
    ),
    "slo": PolicySpec(
        _R, "the earliest deadline that can still be met; then late jobs, those with strict deadlines last",
        "Gao et al. SoCC'21 (Chronus), without its leases", SloOptions, "slo:Slo",
    ),
    "leases": PolicySpec(
        _R, "leases of GPUs to jobs whose deadlines can all be kept, the earliest first; to others what is left, the"
        " least remaining GPU-time first", "Gao et al. SoCC'21 (Chronus), without its integer programme and migration",
        LeasesOptions, "leases:Leases",
    ),
    "deferral": PolicySpec(
        _R, "the earliest submission; jobs that can wait are held back while power is dear, or dirty",
        "Wiesner et al. Middleware'21; Hanafy et al. ASPLOS'24 (GAIA)", DeferralOptions,
        "deferral:Deferral",
    ),
    "spot": PolicySpec(
        _R, "on-demand jobs; preemptible ones keep GPUs for a guaranteed time",
        "Amazon EC2, spot instances of a defined duration (2015 to 2021)", SpotOptions,
        "spot:Spot",
    ),
    "reservations": PolicySpec(
        _R, "the earliest submission, around nodes that are reserved in advance",
        "Jackson et al. 2001, Core algorithms of the Maui scheduler; Slurm, reservations", ReservationsOptions,
        "reservations:Reservations",
    ),
    "multifactor": PolicySpec(
        _R, "age, size, fair share and QOS, weighted", "Slurm, priority/multifactor plugin", MultifactorOptions,
        "multifactor:Multifactor",
    ),
    "gavel": PolicySpec(
        _R, "GPU types by shares of time from a linear programme: max-min, finish time, makespan, throughput",
        "Narayanan et al. OSDI'20 (Gavel)", GavelOptions, "gavel:Gavel",
    ),
    "mast": PolicySpec(
        _R, "one queue for all sites; a job goes where it would end first, with its data and checkpoint, within quotas"
        " by site and region; may preempt across sites; does not place data before jobs ask for them",
        "Choudhury et al. OSDI'24 (MAST)", MastOptions, "mast:Mast",
    ),
    "pollux": PolicySpec(
        _R, "GPUs by goodput relative to an equal part; elastic jobs change size", "Qiao et al. OSDI'21 (Pollux)",
        PolluxOptions, "pollux:Pollux",
    ),
    "sia": PolicySpec(
        _R, "GPU types and sizes by goodput relative to a job's least; elastic jobs change size and type",
        "Jayaram Subramanya et al. SOSP'23 (Sia)", SiaOptions, "sia:Sia",
    ),
}  # fmt: skip


def meant(name: str, known: Iterable[str]) -> str:
    """``did_you_mean`` of a policy, which may also be known by what its rule or its source calls it: Themis, QSSF."""
    word = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
    called = [f"'{one}'" for one, spec in ORDERS.items() if len(name) > 2 and word.search(f"{spec.rule} {spec.source}")]
    return f" (did you mean {' or '.join(called)}?)" if called else did_you_mean(name, known)

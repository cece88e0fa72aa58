"""The shape of a policy in Python: one class, with a method for each door at which it decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gpusim.policies.indices import RemainingTime, ServiceLevels


def proportional(jobs: np.recarray, gpus: np.ndarray) -> np.ndarray:
    """Speeds of jobs that are twice as fast with twice the GPUs, shape of ``gpus``."""
    return (np.asarray(gpus).T / jobs.submitted_gpus).T


def alike(jobs: np.recarray) -> np.ndarray:
    """The same of all jobs: 1, shape (n_jobs,)."""
    return np.ones(len(jobs))


def marked(names: Sequence[str], among: Collection[str]) -> np.ndarray:
    """Which of some names, of tenants or classes, are among others, shape (n_names,): to be asked by their codes."""
    return np.array([name in among for name in names], bool)


@dataclass(frozen=True)
class PoolView:
    """What a policy may know of a pool, besides its jobs.

    Attributes
    ----------
    site, gpu_type : str
    nodes : recarray, shape (n_nodes,)
        Read-only view of the pool's nodes: ``free`` GPUs, ``state`` (0 off, 1 on, 2 down), ``domain``, ...
    gpus_per_node, planned_gpus, energised_gpus, free_gpus : int
        Planned: when complete.
    price_usd_per_mwh, carbon_g_per_kwh : float
        Now, at the site.
    limit_w, facility_w : float
        [W] The site's power limit and what it draws now.
    tenant_shares, tenant_gpus : ndarray, shape (n_tenants,)
        Weights of the tenants, and the GPUs of the pool's type that each holds now, anywhere.
    speeds : callable
        ``speeds(jobs, gpus)``: how fast jobs work with so many GPUs, shape (n_jobs,) or (n_jobs, k), of their speed
        with those that they were submitted with.
    tenants : tuple of str
        Their names.
    region : str
        Of the site.
    occupants : callable
        ``occupants()``: rows of the jobs on each node, a list for each.
    classes : tuple of str
        Names of the classes of jobs.
    cpus_per_node, memory_gb_per_node : float
        That limit what a node holds; 0: they do not.
    held_gpus, queued_gpus : int
        Held by jobs and replicas; asked for by jobs that wait there, or whose data are on their way there.
    rated_w_per_gpu : float
        [W] Of IT power.
    speed_of : callable
        ``speed_of(jobs)``: how fast jobs work there, of their speed on the reference type, shape (n_jobs,).
    can_start : callable
        ``can_start(jobs)``: whether nobody waits there and each of them alone could start at once, shape (n_jobs,).
    starts_in_s : callable
        ``starts_in_s(jobs)``: [s] until each would start if it arrived there now, with its data, as
        ``dispatch = "earliest_start"`` expects it, shape (n_jobs,).
    """

    site: str
    gpu_type: str
    nodes: np.recarray
    gpus_per_node: int
    planned_gpus: int
    energised_gpus: int
    free_gpus: int
    price_usd_per_mwh: float
    carbon_g_per_kwh: float
    limit_w: float
    facility_w: float
    tenant_shares: np.ndarray
    tenant_gpus: np.ndarray
    speeds: Callable[[np.recarray, np.ndarray], np.ndarray] = proportional
    tenants: tuple[str, ...] = ()
    region: str = ""
    occupants: Callable[[], list[list[int]]] = list
    classes: tuple[str, ...] = ()
    cpus_per_node: float = 0.0
    memory_gb_per_node: float = 0.0
    held_gpus: int = 0
    queued_gpus: int = 0
    rated_w_per_gpu: float = 0.0
    speed_of: Callable[[np.recarray], np.ndarray] = alike
    can_start: Callable[[np.recarray], np.ndarray] = alike
    starts_in_s: Callable[[np.recarray], np.ndarray] = alike

    def in_gpus(self, jobs: np.recarray) -> np.ndarray:
        """What jobs hold, or would, shape (n_jobs, k): GPUs, and where nodes limit them CPUs and memory.

        CPUs and memory are told in GPUs: those of a node are worth its GPUs. Jobs of a pool hold no more of any than
        there are GPUs.
        """
        limits = [(jobs.cpus, self.cpus_per_node), (jobs.memory_gb, self.memory_gb_per_node)]
        as_gpus = [column * self.gpus_per_node / of_node for column, of_node in limits if of_node > 0.0]
        return np.column_stack([jobs.held.astype(float), *as_gpus])


class Policy(Protocol):
    """Decides at up to four doors: dispatch, order, allocate, place; named in a scenario by its import path.

    ``scheduler.order`` names who decides who goes first, ``"module:Class"``. It has ``key``, which is asked once before
    the run: the compiled scheduler then orders by it at every event, with backfill and preemption as the scenario says.
    Or it decides in rounds, one every ``scheduler.cycle_s``, by ``order``, ``allocate`` or ``assign``, which is
    dispatch and allocate for the whole fleet at once. It may have ``dispatch`` and ``place`` too. ``dispatch`` is asked
    for a job as it arrives if the policy has ``key``, else in rounds; ``place`` as a job starts, under ``allocate``
    in rounds. Or ``scheduler.dispatch`` and ``scheduler.placement`` name who decides at these doors alone, a plain
    function or a class with that method: they are asked at events, whatever the order is. Where nobody of one's own
    decides at a door, a built-in rule does.
    Jobs are read-only arrays of records; fields: ``gpusim.kernels.state.queues.QUEUE``. Times in s since the scenario's
    start.

    Attributes
    ----------
    pool : PoolView
        Set by the engine before ``order``, ``allocate`` and ``place``.
    """

    pool: PoolView

    def key(self, jobs: np.recarray) -> np.ndarray | RemainingTime | ServiceLevels:
        """Door 2 at every event: by what jobs are ordered. Less goes first, ties by submission.

        A plain function of ``jobs`` is a policy that has this door alone.

        Parameters
        ----------
        jobs : recarray, shape (n_jobs,)
            All jobs of the run, in order of submission; fields: ``gpusim.kernels.state.queues.SUBMITTED``.

        Returns
        -------
        ndarray of float, shape (n_jobs,), or RemainingTime, or ServiceLevels
            A key that stands; or one that changes as jobs run, with which the first in the order take the GPUs of
            preemptible jobs behind them.
        """

    def dispatch(self, jobs: np.recarray, pools: list[PoolView], allowed: np.ndarray, now_s: float) -> np.ndarray:
        """Door 1: the pool in which each job waits from now on.

        Parameters
        ----------
        jobs : recarray, shape (n_jobs,)
            In rounds all that wait in a queue, wherever. At events the one that arrives, with ``pool`` -1; what depends
            on the pool (``held``, ``n_nodes``, ``cpus``, ``memory_gb``, ``estimate_s``) is then that of the first in
            which it may wait.
        pools : list of PoolView
        allowed : ndarray of bool, shape (n_jobs, n_pools)
            Where each may wait. In rounds where it is, and if it never ran wherever it may run and its data are. At
            events two pools at least: those that could run it as they are, or else those that can when complete, be it
            that its data must come there first.

        Returns
        -------
        ndarray of int, shape (n_jobs,)
            Rows of ``pools``.
        """

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Door 2: who of a pool's queue goes first. They start in this order while they fit, then backfill has its say.

        Parameters
        ----------
        queue : recarray, shape (n_waiting,)
            Those that wait in the pool, in order of submission.

        Returns
        -------
        ndarray of int
            Positions in ``queue``, best first, each at most once. Jobs left out do not start in this round.
        """

    def allocate(self, jobs: np.recarray, now_s: float) -> np.ndarray:
        """Door 3: how many GPUs each job of a pool shall have, in place of ``order`` and backfill.

        A job that runs with others is stopped as by an eviction, and goes on from its checkpoints, with another size if
        it shall have another. Then those that shall have GPUs and wait are started, the larger first, where nodes,
        power and quota are there. Jobs that are not preemptible keep what they have while they run.

        Parameters
        ----------
        jobs : recarray, shape (n_jobs,)
            Those that wait in the pool, in order of submission, then those that run there.

        Returns
        -------
        ndarray of int, shape (n_jobs,)
            GPUs, 0 for none; in the range of the job's class if that has one.
        """

    def place(self, job: np.record, nodes: np.recarray, now_s: float) -> np.ndarray:
        """Door 4: the nodes on which a job starts. That it can start now is found before.

        Parameters
        ----------
        job : record
            With the GPUs that it shall have, on ``n_nodes`` nodes.
        nodes : recarray, shape (n_nodes,)
            Those of the pool, as they are for this job: ``free`` GPUs of each that it may take, 0 where it may not go;
            fields: ``gpusim.kernels.state.queues.CHOICE``. What EASY keeps for the head of the queue (``reserved``) a
            job may take only where nothing else suffices, and only if it is over by then.

        Returns
        -------
        ndarray of int
            Positions in ``nodes``: one, or as many whole nodes as a gang needs, as near to each other as
            ``scheduler.topology`` demands (level by level: in a domain, or else a pod). Beside ``allocate`` they may
            be anywhere, and none if it shall wait.
        """

    def assign(
        self, jobs: np.recarray, pools: list[PoolView], allowed: np.ndarray, speeds: np.ndarray, now_s: float
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Doors 1 and 3 for the whole fleet at once, in place of all others: the pool in which each job runs.

        It does so until the next round.

        A job that runs elsewhere, or with others than it shall have, is stopped as by an eviction, and goes on from its
        checkpoints. Then those that shall run in a pool and do not are started there, the larger first, where nodes,
        power and quota are there.

        Parameters
        ----------
        jobs : recarray, shape (n_jobs,)
            All that wait, pool by pool, in order of submission, then all that run.
        pools : list of PoolView
        allowed : ndarray of bool, shape (n_jobs, n_pools)
            Where each may run: where it is; wherever its data are, once it ran at the site of its checkpoints only. For
            a policy that says ``moves_data = True`` also where links lead: what a job needs then comes there first.
            ``self.transfer_s``, of the same shape and set by the engine, is how long that would take alone [s].
        speeds : ndarray, shape (n_jobs, n_pools)
            How fast it works there, of its speed on the reference type.

        Returns
        -------
        ndarray of int, shape (n_jobs,), or two of them
            Rows of ``pools``, -1 for none. Jobs that run and are not preemptible stay. Second, if at all: GPUs of each
            job, in the range of its class if that has one; absent: those that it has or asks for.
        """


class Keyed:
    """A plain function that gives jobs their keys, with its options, as a policy."""

    def __init__(self, function: Callable[..., object], **options: object):
        self._function, self._options = function, options

    def key(self, jobs: np.recarray) -> object:
        """What the function answers."""
        return self._function(jobs, **self._options)


def decides_in_rounds(policy: object) -> bool:
    """Whether it has a door of rounds that says who starts."""
    return any(callable(getattr(policy, door, None)) for door in ("order", "allocate", "assign"))

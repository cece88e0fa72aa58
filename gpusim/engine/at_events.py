"""A user's own dispatch and placement, asked at events: for the one job that arrives, and the one that starts.

A kernel asks (``kernels/asking.py``), in whose midst no error can be raised: what goes wrong is kept until it returns
(``PlayedClock.raise_errors``), and nobody is asked any more.
"""

from __future__ import annotations

import ctypes
from abc import abstractmethod
from collections.abc import Generator
from typing import ClassVar

import numpy as np

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.questions import Questions
from gpusim.errors import PolicyError
from gpusim.kernels import showing
from gpusim.kernels.asking import ANSWERER
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE
from gpusim.kernels.state.queues import QUEUE
from gpusim.policies.loading import load_door
from gpusim.policies.policy import Policy, decides_in_rounds
from gpusim.scenario.scheduler import Scheduler


class _AtEvents(Questions):
    """A policy whose answers a kernel waits for.

    Attributes
    ----------
    error : BaseException or None
        What went wrong: nobody is asked any more.
    """

    field: ClassVar[str]  # of `scheduling`, that has the address of who decides

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        super().__init__(env, policy, name, names)
        self.error: BaseException | None = None
        self._rows, self._clock = records(QUEUE, 1), env.fleet.clock.view(np.ndarray)
        self._scheduling = env.fleet.scheduling
        listening = self._listen()
        next(listening)
        self._answerer = ANSWERER(listening.send)
        self._scheduling[self.field] = ctypes.cast(self._answerer, ctypes.c_void_p).value
        env.ask(self)

    def _listen(self) -> Generator[None, int, None]:
        """Answer each job that is sent.

        A generator, since what is raised as a function is entered, as by Ctrl-C, is raised outside of what it tries.
        """
        try:
            while True:
                job = yield
                self._answer(job)
        except GeneratorExit:
            return
        except BaseException as error:
            self._scheduling[self.field] = 0
            self.error = error
        yield

    def _show(self, job: int, p: int) -> np.recarray:
        """A job, alone, as in a pool."""
        sizes, rows = self.env.sizes, showing.as_array(self._rows)
        showing.show_job(self.env.fleet, job, p, rows, sizes.gpus, sizes.least, sizes.most, self.now_s)
        return self._rows

    @abstractmethod
    def _answer(self, job: int) -> None:
        """Leave an answer where the kernel looks for it."""


class OwnDispatch(_AtEvents):
    """Door 1, for the job that arrives."""

    field = "own_dispatch"

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        super().__init__(env, policy, name, names)
        self._allowed = np.zeros((1, len(env.fleet.pools)), bool)

    def _answer(self, job: int) -> None:
        fleet, allowed = self.env.fleet, self._allowed
        choices = showing.list_choices(fleet, job, allowed)
        p = int(allowed[0].argmax())
        if choices > 1:
            jobs = self._show(job, p)
            jobs["pool"] = NONE
            p = int(self._ask_pools(jobs, allowed)[0])
        self._clock["answer"] = showing.place_of(fleet, job, p) if choices else NONE


class OwnPlacement(_AtEvents):
    """Door 4, for the job that starts."""

    field = "own_placement"

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        super().__init__(env, policy, name, names)
        self._pool_of = env.fleet.jobs.view(np.ndarray)["pool"]
        self._first_nodes = env.fleet.pools["first_node"].tolist()

    def _answer(self, job: int) -> None:
        fleet = self.env.fleet
        p = int(self._pool_of[job])
        jobs = self._show(job, p)
        built_in = fleet.picked[: int(jobs["n_nodes"][0])].copy()  # which it has if anything is raised
        try:
            found = self._ask_nodes(p, jobs, 0, may_wait=False)
            fleet.picked[: len(found)] = found + self._first_nodes[p]
            if not showing.are_near(fleet, job, p):
                raise self._apart(p, job, found)
        except BaseException:
            fleet.picked[: len(built_in)] = built_in
            raise
        self._clock["answer"] = 0

    def _apart(self, p: int, job: int, found: np.ndarray) -> PolicyError:
        pool = self.env.fleet.pools[p]
        level = f"domain of {pool.nodes_per_domain} nodes" if len(found) <= pool.nodes_per_domain else "pod"
        return self._error(
            p,
            f"place gave job {job} the nodes {found[:8].tolist()}, which are apart; scheduler.topology has it demand"
            f" nodes of one {level} (nodes.domain)",
        )


def deciders(scheduler: Scheduler, policy: Policy | None, shares_gpus: bool) -> dict[str, tuple[Policy, str]]:
    """Who decides at events, and by what name, for each door (``dispatch``, ``place``) at which somebody does.

    Raises
    ------
    PolicyError
        If one cannot be loaded, if there are two for one door, or if one does not go with other keys.
    """
    found = {}
    in_rounds = {"dispatch": decides_in_rounds(policy), "place": hasattr(policy, "allocate")}
    for door, key, path in (
        ("dispatch", "dispatch", scheduler.own_dispatch), ("place", "placement", scheduler.own_placement)
    ):  # fmt: skip
        has = callable(getattr(policy, door, None))
        if path and has:
            raise PolicyError(
                f"policy {scheduler.order!r} has a method {door!r}, and scheduler.{key} is {path!r}: two that decide"
                f" the same; remove one"
            )
        if path:
            found[door] = load_door(path, door), path
        elif has and not in_rounds[door]:
            found[door] = policy, scheduler.order
    if "place" in found:
        _check_placement(scheduler, found["place"][1], shares_gpus)
    return found


def _check_placement(scheduler: Scheduler, name: str, shares_gpus: bool) -> None:
    """What else names nodes, or parts of their GPUs."""
    who = f"policy {name!r} says on which nodes jobs start"
    if scheduler.backfill == "conservative":
        raise PolicyError(f'{who}: scheduler.backfill is "conservative", whose plan does; give "none" or "easy"')
    if scheduler.scores_nodes:
        raise PolicyError(
            f'{who}: scheduler.placement is "{scheduler.placement}", which scores nodes; give best_fit, first_fit or'
            " spread, which replicas of services then go by"
        )
    if shares_gpus:
        raise PolicyError(f"{who}, not on which of their GPUs: remove it, or workload.share_gpus")


def connect(env: FleetEnvironment, names: Names, found: dict[str, tuple[Policy, str]]) -> None:
    """Have the kernels of a fleet ask those who decide at events."""
    for door, kind in (("dispatch", OwnDispatch), ("place", OwnPlacement)):
        if door in found:
            kind(env, *found[door], names)

"""What is asked of a policy in Python, and the check of what it answers: errors name the policy, the site, the time."""

from __future__ import annotations

import numpy as np

from gpusim import gangs
from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.pool_views import PoolViews
from gpusim.errors import PolicyError
from gpusim.kernels import showing
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.queues import CHOICE
from gpusim.policies.policy import Policy
from gpusim.units import number_of


class Questions:
    """A policy that is asked, in rounds or at events."""

    def __init__(self, env: FleetEnvironment, policy: Policy, name: str, names: Names):
        self.env, self.policy, self.name, self.names = env, policy, name, names
        self._views = PoolViews(env, names)
        self._choices = [records(CHOICE, len(nodes)) for nodes in self._views.nodes]
        self._free = [choices.view(np.ndarray)["free"] for choices in self._choices]
        self._sizes = env.fleet.pools["gpus_per_node"].tolist()
        self._time = env.fleet.clock.view(np.ndarray)["now_s"]

    @property
    def now_s(self) -> float:
        """[s] Since the run's start."""
        return float(self._time[0])

    # Doors that are open in rounds and at events ---------------------------------------------------------------------

    def _ask_pools(self, jobs: np.recarray, allowed: np.ndarray) -> np.ndarray:
        """Door 1: the pool of each job."""
        may = shown(allowed)
        answer = self._ask("dispatch", None, shown(jobs), self._views.all(), may, self.now_s)
        pools = self._whole("dispatch", None, answer, len(jobs), "the row of a pool for each job")
        inside = (pools >= 0) & (pools < allowed.shape[1])
        fine = allowed[np.arange(len(jobs)), pools] if inside.all() else inside
        if not fine.all():
            bad = np.flatnonzero(~fine)
            may = ", ".join(map(str, np.flatnonzero(allowed[bad[0]])))
            raise self._error(
                None, f"dispatch sent job {jobs[bad[0]].job} to pool {pools[bad[0]]}; it may wait in {may}"
            )
        return pools

    def _ask_nodes(self, p: int, jobs: np.recarray, i: int, *, may_wait: bool) -> np.ndarray:
        """Door 4: positions of the nodes of a job in its pool; none if it ``may_wait`` and shall."""
        nodes, job, gpus = self._choices[p], int(jobs["job"][i]), int(jobs["gpus"][i])
        showing.show_nodes(self.env.fleet, job, p, showing.as_array(nodes))
        self._show_pool(p)
        answer = self._ask("place", p, shown(jobs)[i], shown(nodes), self.now_s)
        wait = ", none if the job shall wait" if may_wait else ""
        found = self._whole("place", p, answer, None, f"positions of nodes{wait}")
        if may_wait and not len(found):
            return found
        self._distinct("place", p, found, len(nodes), "the nodes")
        wanted, take = gangs.n_nodes(gpus, self._sizes[p]), gangs.on_node(gpus, self._sizes[p])
        full = found[self._free[p][found] == 0]
        if len(found) != wanted or len(full):
            lacks = f", but node {full[0]} has not" if len(full) else ""
            raise self._error(
                p,
                f"place gave job {job} the nodes {found[:8].tolist()}; give {wanted}, on and with {take} free GPUs"
                f" each{lacks}",
            )
        return found

    # Questions and answers -------------------------------------------------------------------------------------------

    def _show_pool(self, p: int) -> None:
        """Set the pool that the next question is about."""
        try:
            self.policy.pool = self._views.of(p)
        except AttributeError as error:  # of frozen dataclasses, and classes with __slots__
            raise self._error(
                p, f"its attribute 'pool' cannot be set ({error}); give it a class that lets it"
            ) from error

    def _ask(self, door: str, p: int | None, *what: object) -> object:
        try:
            return getattr(self.policy, door)(*what)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the user's code raises: a SystemExit would end this process
            raise self._error(p, f"{door} raised {type(error).__name__}: {error}") from error

    def _whole(self, door: str, p: int | None, answer: object, count: int | None, what: str) -> np.ndarray:
        """An answer as whole numbers, ``count`` of them unless that is None."""
        try:
            found = np.asarray(answer)
        except Exception as error:  # ragged lists, and objects that only look like arrays
            raise self._error(p, f"{door} returned no sequence of whole numbers ({error}); return {what}") from error
        if found.ndim != 1 or (found.dtype.kind not in "iu" and found.size) or count not in (None, len(found)):
            many = "whole numbers" if count is None else number_of(count, "whole number")
            got = f"{found.dtype} of shape {found.shape}" if found.ndim else f"{type(answer).__name__}, no array"
            raise self._error(p, f"{door} returned {'None' if answer is None else got}; return {many}: {what}")
        return np.ascontiguousarray(found, dtype="i8")

    def _distinct(self, door: str, p: int, positions: np.ndarray, count: int, of: str) -> None:
        """Positions of ``of``, each at most once."""
        inside = (positions >= 0) & (positions < count)
        if inside.all():
            seen = np.zeros(count, dtype=bool)  # a set of Python's takes longer than the policy where a queue is long
            seen[positions] = True
            if np.count_nonzero(seen) == len(positions):
                return
            first = np.unique(positions, return_index=True)[1]
            inside = np.isin(np.arange(len(positions)), first)
        at = int(np.flatnonzero(~inside)[0])
        raise self._error(
            p,
            f"{door} returned position {positions[at]} at place {at}, which is repeated or outside {of};"
            f" give each of 0 to {count - 1} at most once",
        )

    def _error(self, p: int | None, what: str) -> PolicyError:
        where = "" if p is None else " at {} ({})".format(*self.names.pools[p])
        return PolicyError(f"policy {self.name!r}{where}, {self.now_s:g} s into the run: {what}")


def shown(rows: np.ndarray) -> np.ndarray:
    """Rows as a policy sees them: it may not write."""
    view = rows.view()
    view.flags.writeable = False
    return view

"""What breaks while the fleet is at work, whom that interrupts, what is back when, and planned maintenance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.hidden_faults import Corruption, HiddenFaults, watch
from gpusim.engine.spares import Shrinking
from gpusim.gangs import MILLI
from gpusim.inputs.failures import NOT_AGAIN, WHOLE_SITE, FailureTable, Lemons
from gpusim.kernels.state.codes import DOWN, NONE, ON, SPARE, Status
from gpusim.scenario.failures import FailureCause, Maintenance
from gpusim.scenario.hardware import GpuType
from gpusim.units import DAY_S, HOUR_S, number_of

# What breaks while the fleet is at work, whom that interrupts, and what is back when.

LEMON = "lemon"  # in place of a cause, in tables
FAILURES = ["time_s", "site", "gpu_type", "cause", "nodes", "jobs", "gpus", "replicas", "repair_s"]
INTERRUPTIONS = ["time_s", "job_id", "site", "gpu_type", "cause", "gpus"]


class Breakdowns:
    """Plays the failures of a run and keeps account of them.

    A node that is hit is back when all repairs that hold it are over. A GPU or a node that is off or down cannot fail;
    of a domain, a block or a site those nodes fail that are on, and those that are down stay down for its repair too.

    ``found_after_s``, shape (failures,): [s] from each failure until it is found; absent: all are found at once.
    ``validate_every``, shape (jobs,): checkpoints from one validation of a job, which finds it too, to the next; 0:
    none. ``hidden``: where faults that do not show are noted, for checks that may find them.
    """

    def __init__(
        self, env: FleetEnvironment, failures: FailureTable, causes: dict[str, FailureCause], names: Names,
        shrinking: Shrinking | None = None, found_after_s: np.ndarray | None = None,
        validate_every: np.ndarray | None = None, hidden: HiddenFaults | None = None,
    ):  # fmt: skip
        self.env, self.names, self._failures, self._shrinking = env, names, failures, shrinking
        self._found_after_s = np.zeros(len(failures.time_s)) if found_after_s is None else found_after_s
        self._validate_every, self._hidden = validate_every, hidden
        self._time_s = failures.time_s.tolist()  # each shows earlier if it is found before
        self._usual: dict[int, float] = {}  # nodes that were lemons, and the share of their drawn failures that is left
        self._unfound: dict[int, list[tuple[Corruption, Callable[[], None]]]] = {}  # of jobs that validate
        self._causes = list(causes.items())
        self._back_s: dict[int, float] = {}  # of nodes that are in repair
        self._rows: list[tuple] = []
        self._interrupted: list[tuple] = []

    def play(self) -> Generator:
        """SimPy process: one failure after the other."""
        for i, time_s in enumerate(self._failures.time_s.tolist()):
            yield self.env.at(time_s)
            if self._time_s[i] == time_s:
                self._strike(i)

    def hide_lemons(self, lemons: Lemons, factor: float) -> None:
        """Lemons fail ``factor`` times as often as other nodes until a check finds them."""
        assert self._hidden is not None
        for pool, node, repair_s in zip(*(column.tolist() for column in lemons), strict=True):
            (n,) = self.block(pool, node, 1)

            def find(pool=pool, n=n, repair_s=repair_s) -> None:
                self._usual[n] = 1.0 / factor
                self.take_down(LEMON, pool, [n], self.env.now + repair_s)

            self._hidden.hide([n], find)

    def _strike(self, i: int) -> None:
        """The failure of a row happens; of those drawn for a lemon that is none any more, only some."""
        unit, where, name, spec, repair_s = self._of_row(i)
        if spec.of in ("gpu", "node") and unit and (share := self._usual.get(unit[0])) is not None:
            assert self._hidden is not None
            if not self._hidden.happens(share):
                return
        if self._found_after_s[i] > 0.0:
            self._corrupt(name, where, unit, repair_s, float(self._found_after_s[i]))
        else:
            self._show(i)

    def _show(self, i: int) -> None:
        """The fault of a row shows, and may be there again once what it took down is back."""
        unit, where, name, spec, repair_s = self._of_row(i)
        hit = self._fail(name, where, unit, repair_s)
        if spec.of == "site" and hit:
            self.env.log(self.env.now, where[0], "failure", f"{name}: {number_of(hit, 'node')} down", hit, "nodes")
        if self._hidden is not None and (again := int(self._failures.again[i])) != NOT_AGAIN:
            self.env.at(self.env.now + repair_s).callbacks.append(lambda _event: self._hide(again, unit))

    def _hide(self, i: int, unit: Sequence[int]) -> None:
        """A repair has not put the fault of a row right: a check may find it before it shows."""
        assert self._hidden is not None
        fault = self._hidden.hide(unit, lambda: self._find(i))
        self.env.at(self._time_s[i]).callbacks.append(lambda _event: fault.shows())

    def _find(self, i: int) -> None:
        """The fault of a row shows now, and if it does so again later, that much earlier."""
        earlier_s = self._time_s[i] - self.env.now
        self._time_s[i] = self.env.now
        self._show(i)
        while (i := int(self._failures.again[i])) != NOT_AGAIN:
            self._time_s[i] -= earlier_s
            self.env.at(self._time_s[i]).callbacks.append(
                lambda _event, i=i, due_s=self._time_s[i]: self._strike(i) if self._time_s[i] == due_s else None
            )

    def _of_row(self, i: int) -> tuple[Sequence[int], tuple[str, str], str, FailureCause, float]:
        """(rows of the unit's nodes, (site, type), name of the cause, the cause, [s] of repair) of a failure."""
        row = self._failures
        cause, site, pool = int(row.cause[i]), int(row.site[i]), int(row.pool[i])
        name, spec = self._causes[cause]
        is_whole = pool == WHOLE_SITE
        unit = self._site(site, cause) if is_whole else self.block(pool, int(row.first_node[i]), int(row.nodes[i]))
        where = (self.names.sites[site], "" if is_whole else self.names.pools[pool][1])
        return unit, where, name, spec, float(row.repair_s[i])

    def take_down(self, name: str, pool: int, unit: Sequence[int], back_s: float) -> None:
        """Nodes of a pool (rows) are down from now on, by a cause of this name, until ``back_s`` [s]."""
        self._fail(name, self.names.pools[pool], unit, back_s - self.env.now)

    def tables(self, job_id: np.ndarray) -> dict[str, pd.DataFrame]:
        """The failures that hit something, and the jobs that they interrupted; where there are services, how many of
        their replicas each stopped."""
        failures = pd.DataFrame(self._rows, columns=FAILURES)
        if not len(self.env.serving.replicas):
            del failures["replicas"]
        interruptions = pd.DataFrame(self._interrupted, columns=INTERRUPTIONS)
        interruptions["job_id"] = job_id[interruptions["job_id"].to_numpy(dtype="i8")]
        return {"failures": failures, "interruptions": interruptions}

    def block(self, pool: int, first: int, nodes: int) -> range:
        """Rows of neighbouring nodes of a pool."""
        mine = self.env.fleet.pools[pool]
        return range(int(mine.first_node) + first, int(mine.first_node + min(first + nodes, mine.n_nodes)))

    def _site(self, site: int, cause: int) -> list[int]:
        """Rows of all nodes of a site that a cause befalls."""
        pools = [p for p, (name, kind) in enumerate(self.names.pools)
                 if name == self.names.sites[site] and self._causes[cause][1].befalls(name, kind)]  # fmt: skip
        return [n for p in pools for n in self.block(p, 0, int(self.env.fleet.pools[p].n_nodes))]

    def _corrupt(
        self, name: str, where: tuple[str, str], unit: Sequence[int], repair_s: float, found_after_s: float
    ) -> None:
        """What runs on a unit is corrupted now; the unit fails when that is found, and the jobs go back."""
        env = self.env
        hit = [n for n in unit if env.fleet.nodes["state"][n] == ON]
        spoiled = [Corruption.of(env, job) for job in sorted({job for n in hit for job in env.jobs_on(n)})]

        is_found, hidden = False, None

        def find(_event: object = None) -> None:
            nonlocal is_found
            if is_found:
                return
            is_found = True
            if hidden is not None:
                hidden.shows()
            undone = [one for one in spoiled if one.spoils(env)]
            if ended := len([one for one in undone if one.has_ended(env)]):
                told = f"{name}: found after {number_of(ended, 'corrupted job')} had ended"
                env.log(env.now, where[0], "failure", told, ended, "jobs")
            undone = [one for one in undone if not one.has_ended(env)]
            self._fail(name, where, unit, repair_s, [one.job for one in undone])
            for one in undone:
                one.undo(env)

        if hit:
            env.at(env.now + found_after_s).callbacks.append(find)
            if self._hidden is not None:
                hidden = self._hidden.hide(unit, find)
            for one in spoiled:
                if self._validate_every is not None and (every := int(self._validate_every[one.job])):
                    self._unfound.setdefault(one.job, []).append((one, find))
                    env.process(watch(env, one, every, lambda: is_found, self._validate))

    def _validate(self, job: int) -> None:
        """A validation of a job finds all that has corrupted it, in the order in which it struck."""
        for find in [find for one, find in self._unfound.pop(job, ()) if one.spoils(self.env)]:
            find()

    def _fail(
        self, name: str, where: tuple[str, str], unit: Sequence[int], repair_s: float, others: Sequence[int] = ()
    ) -> int:
        """Nodes that were on and are down now. Of ``others``, jobs that run elsewhere are interrupted too."""
        env = self.env
        state = env.fleet.nodes["state"]
        hit = [n for n in unit if state[n] in (ON, SPARE)]
        jobs = Counter(job for n in hit for job in self.env.jobs_on(n))
        others = [job for job in others if job not in jobs and env.fleet.jobs[job].status == Status.RUNNING]
        if not hit and not others:
            return 0
        jobs.update(dict.fromkeys(others, 0))
        gpus = [_gpus(env.fleet.jobs[job]) for job in jobs]
        env.make_segment_room()
        serving = self._serving()
        for n in hit:
            env.fail_node(n)
        for job in others:
            env.set_job_gpus(job, int(env.fleet.jobs[job].gpus))  # as many as before: its run is cut short
        self._interrupted += [(env.now, job, *where, name, held) for job, held in zip(jobs, gpus, strict=True)]
        self._rows.append((env.now, *where, name, len(hit), len(jobs), sum(gpus), serving - self._serving(), repair_s))
        held = [n for n in unit if state[n] == DOWN] if hit else []
        for n in held:
            self._back_s[n] = max(self._back_s.get(n, 0.0), env.now + repair_s)
        if self._shrinking is not None:
            for (job, nodes), before in zip(jobs.items(), gpus, strict=True):
                if nodes:
                    self._shrinking.lost(job, before, nodes)
        env.at(env.now + repair_s).callbacks.append(lambda _event: self._repair(held))
        return len(hit)

    def _serving(self) -> int:
        """Replicas that hold GPUs."""
        return int(np.count_nonzero(self.env.serving.replicas["holding"] != NONE))

    def _repair(self, nodes: list[int]) -> None:
        for n in nodes:
            if self._back_s.get(n, math.inf) <= self.env.now:
                del self._back_s[n]
                self.env.repair_node(n)
        if self._shrinking is not None:
            self._shrinking.back()


def _gpus(job: np.record) -> int | float:
    """GPUs that a job has."""
    return job.milli / MILLI if job.milli else int(job.gpus)


# Planned maintenance: units of a pool are taken out in turn, drained before if there is notice.


class Rota:
    """The maintenance of one name in one pool.

    ``breakdowns`` takes nodes down, brings them back, and keeps account of both.
    """

    def __init__(
        self, breakdowns: Breakdowns, name: str, spec: Maintenance, pool: int, gpu: GpuType, duration_s: float
    ):
        self._breakdowns, self._name, self._spec, self._pool = breakdowns, name, spec, pool
        self._env, self._duration_s, self._size = breakdowns.env, duration_s, spec.unit_nodes(gpu)

    def play(self) -> Generator:
        """SimPy process: notice is given for one unit after the other."""
        for start_s, first in self._turns():
            notice_s = max(0.0, start_s - self._spec.drain_h * HOUR_S)
            yield self._env.at(max(notice_s, self._env.now))
            self._env.process(self._maintain(self._breakdowns.block(self._pool, first, self._size), start_s))

    def _turns(self) -> Iterator[tuple[float, int]]:
        """(when it begins [s], first node of the unit), in order, until the run ends."""
        nodes = int(self._env.fleet.pools[self._pool].n_nodes)
        firsts = range(0, nodes, self._size)
        every_s, k = self._spec.every_days * DAY_S, 0
        while firsts:
            for i, first in enumerate(firsts):
                start_s = (k + (i + 0.5) / len(firsts)) * every_s
                if start_s >= self._duration_s:
                    return
                yield start_s, first
            k += 1

    def _maintain(self, unit: range, start_s: float) -> Generator:
        """Take what is idle, what becomes idle, and at last what is left of a unit."""
        env, back_s, asked = self._env, start_s + self._spec.hours * HOUR_S, set()

        def take_idle(_event: object = None) -> None:
            if env.now >= start_s:
                return
            nodes = env.fleet.nodes
            idle = [n for n in unit if nodes[n].state in (ON, SPARE) and nodes[n].first_holding == NONE]
            self._breakdowns.take_down(self._name, self._pool, idle, back_s)
            for job in {job for n in unit for job in env.jobs_on(n)} - asked:
                asked.add(job)
                env.completion(job).callbacks.append(take_idle)

        take_idle()
        yield env.at(start_s)
        self._breakdowns.take_down(self._name, self._pool, unit, back_s)

"""Plans: the cheapest purchases that meet a goal."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gpusim import __version__
from gpusim.errors import GpusimError, one_line
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.fleet import Fleet
from gpusim.studies.planning.goal import Goal
from gpusim.studies.planning.runs import Runs
from gpusim.studies.planning.search import Search
from gpusim.studies.planning.tables import candidates_table, purchases_table
from gpusim.studies.store import Store
from gpusim.studies.sweeps.crew import hire
from gpusim.studies.sweeps.execution import Progress
from gpusim.tables.target import folder_name
from gpusim.units import number_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plan:
    """What a search for the cheapest plan found.

    Attributes
    ----------
    goal : Goal
    chosen : Series
        Row of ``candidates``: the cheapest that meets the goal on average; if none does, the nearest to it.
    scenario : Scenario
        The scenario with what the chosen plan buys; it can be run.
    purchases : DataFrame
        What it buys, see ``gpusim.studies.planning.tables``.
    front : DataFrame
        Those of ``candidates`` to which no other is cheaper and as near to the goal, by cost.
    candidates : DataFrame
        All candidates that were run, see ``gpusim.studies.planning.tables``.
    runs, budget : int
    ended : str
        Why the search ended, as in ``gpusim.studies.planning.search.Search``.
    unasked : tuple of str
        Conditions of which no run of the chosen plan asks anything: no demand meets every limit.
    failed : int
        Runs that failed: the candidate counts as one that does not meet the goal.
    store : Store
        Where the finished runs are.
    """

    goal: Goal
    chosen: pd.Series
    scenario: Scenario
    purchases: pd.DataFrame
    front: pd.DataFrame
    candidates: pd.DataFrame
    runs: int
    budget: int
    ended: str
    unasked: tuple[str, ...]
    failed: int
    store: Store

    def __repr__(self) -> str:
        met = "surely met" if self.chosen["sure"] else "met on average" if self.chosen["met"] else "not met"
        tried = f"{number_of(len(self.candidates), 'candidate')} in {number_of(self.runs, 'run')}"
        return one_line(f"<Plan for {self.goal.text!r}: {met} for {self.chosen['cost_usd']:,.0f} USD, {tried}>")

    def draw(self) -> Figure:
        """The figure of its report: the front of cost and what the goal asks for."""
        from gpusim.report.figures import named
        from gpusim.report.figures.plan_front import plan_figures

        return named(plan_figures(self.goal, self.candidates, self.front, self.chosen), "front")

    @property
    def text(self) -> str:
        """What was found and how sure it is, in sentences."""
        return " ".join([self._verdict(), *self._unknown(), self._searched(), *self._failures()])

    def _verdict(self) -> str:
        cost = f"{self.chosen['cost_usd']:,.0f} USD"
        if not self.chosen["met"]:
            return f"No plan that was tried meets the goal. The nearest costs {cost}; {self._missed()}"
        what = "Nothing has to be bought: the scenario as it is" if self.purchases.empty else f"A plan of {cost}"
        if self.chosen["sure"]:
            return f"{what} meets the goal with 95% confidence."
        surer = self.candidates[self.candidates["sure"] & (self.candidates["cost_usd"] > self.chosen["cost_usd"])]
        more = ""
        if len(surer):
            more = f"; of the dearer ones tried, one of {surer['cost_usd'].min():,.0f} USD does with 95% confidence"
        return f"{what} meets the goal on average{more}. Its 95% intervals reach beyond the goal."

    def _missed(self) -> str:
        if np.isfinite(self.chosen["shortfall"]):
            return f"it misses the limits by {self.chosen['shortfall']:,.1%} in all."
        endless = [one.text for one in self.goal.conditions if np.isinf(self.chosen[one.text])]
        return f"it has no finite {' and no finite '.join(endless or ['figure'])}, as where jobs are rejected."

    def _unknown(self) -> list[str]:
        missing = [one.text for one in self.goal.conditions if np.isnan(self.chosen[one.text])]
        return [
            f"There is no demand for {name}, which meets every limit."
            if name in self.unasked
            else f"Some runs have no {name}, which counts as not met."
            for name in missing
        ]

    def _searched(self) -> str:
        count = len(self.candidates)
        tried = (
            f"{number_of(count, 'candidate')} {'was' if count == 1 else 'were'} tried in {number_of(self.runs, 'run')}"
        )
        cheaper = int((self.candidates["cost_usd"] < self.chosen["cost_usd"]).sum())
        left = "all others cost as much or more" if self.chosen["met"] else "no others are left to try"
        if self.chosen["met"] and cheaper:
            which = "the cheaper one" if cheaper == 1 else f"the {cheaper:,} cheaper ones"
            left = f"{which} of them did not meet the goal, and all that were not tried cost as much or more"
        return {
            "all": f"{tried}; {left}.",
            "budget": f"{tried}; the budget of {self.budget:,} is spent: there may be cheaper ones.",
            "repeats": f"{tried}; the search proposes nothing new: there may be cheaper ones.",
        }[self.ended]

    def _failures(self) -> list[str]:
        return [f"{number_of(self.failed, 'run')} failed, see {self.store.folder / 'failures'}."] if self.failed else []


def plan(
    scenario: Scenario | str | Path,
    goal: str,
    *,
    budget: int = 200,
    replications: int = 5,
    most_usd: float | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    executor: str | Executor = "processes",
    workers: int | None = None,
    address: str | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Plan:
    """Search what to buy of ``[plan.options]`` so that a goal is met at the least cost.

    The same arguments give the same plan, whoever does the work. A second call goes on where the first was stopped.

    Parameters
    ----------
    scenario : Scenario or path
        A path is read as a scenario file.
    goal : str
        Conditions as in ``gpusim.studies.planning.goal``: ``"p95 wait of research < 2 h and slo(chat) >= 0.99"``.
    budget : int
        Runs in all, those that the store holds already included.
    replications : int
        Runs of each candidate, with seeds ``seed``, ``seed + 1``, ...: the same ones for every candidate.
    most_usd : float, optional
        [USD] What costs more is not tried.
    store : path, optional
        Folder of the runs; by default ``out/NAME-plan/runs``.
    executor, workers, address
        As in ``gpusim.sweep``.
    progress : callable, optional
        Called with a ``Progress`` after every run; its ``total`` is the budget.

    Raises
    ------
    ScenarioError
        With the faults of the scenario, or of all options.
    GoalError
        If the goal cannot be read.
    GpusimError
        If an argument makes no sense, or runs of the scenario as it is fail.
    """
    scenario = scenario if isinstance(scenario, Scenario) else Scenario.from_toml(scenario)
    _check(budget, replications, most_usd, seed)
    wanted, fleet = Goal.parse(goal, scenario), Fleet(scenario)
    about = {
        "study": "plan", "scenario": scenario.to_toml_dict(), "goal": goal, "budget": budget,
        "replications": replications, "most_usd": most_usd, "seed": seed, "gpusim_version": __version__,
    }  # fmt: skip
    kept = Store.create(store or Path("out") / f"{folder_name(scenario.name)}-plan" / "runs", about)
    with hire(executor, workers, address) as crew:
        runs = Runs(fleet, wanted, kept, crew, seed, budget, progress)
        search = Search(
            fleet.space, wanted, runs.figures, budget=budget, replications=replications, seed=seed,
            most_usd=float("inf") if most_usd is None else most_usd,
        )  # fmt: skip
        search.play()
    return _found(search, runs)


def _found(search: Search, runs: Runs) -> Plan:
    evidence = search.evidence
    front = evidence.front()
    chosen = front[-1]  # the nearest to the goal: if it meets it, the cheapest that does
    candidates = candidates_table(evidence, list(evidence.figures))
    return Plan(
        goal=evidence.goal,
        chosen=candidates.iloc[list(evidence.figures).index(chosen)],
        scenario=runs.fleet.scenario(chosen),
        purchases=purchases_table(search.space, chosen),
        front=candidates_table(evidence, front),
        candidates=candidates,
        runs=search.runs,
        budget=search.budget,
        ended=search.ended,
        unasked=tuple(
            one.text for one, mean in zip(evidence.goal.conditions, evidence.means(chosen)) if mean == one.unasked
        ),
        failed=runs.state.failed,
        store=runs.store,
    )


def _check(budget: int, replications: int, most_usd: float | None, seed: int) -> None:
    faults = []
    if replications < 2:
        faults.append(f"replications: found {replications}; give 2 or more, an interval needs them")
    if budget < 2 * replications:
        faults.append(f"budget: found {budget}; give {2 * replications} runs or more, twice the replications")
    if most_usd is not None and not 0.0 <= most_usd:
        faults.append(f"most_usd: found {most_usd:g}; give 0 or more")
    if seed < 0:
        faults.append(f"seed: found {seed}; give 0 or more")
    if faults:
        raise GpusimError("plan: " + "; ".join(faults))

"""Plans: the cheapest purchases that meet a goal."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from gpusim.errors import one_line
from gpusim.report.plans.purchases import verdict
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.proposal import Proposal, propose
from gpusim.studies.sweeps.execution import Progress
from gpusim.units import number_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Plan(Proposal):
    """Result of a search for the cheapest plan.

    Attributes
    ----------
    goal : Goal
    chosen : Series
        Row of ``candidates``: the cheapest that meets the goal on average or, if none does, the closest to it.
    scenario : Scenario
        The scenario with what the chosen plan buys; it can be run.
    purchases : DataFrame
        What it buys, see ``gpusim.studies.planning.tables``.
    front : DataFrame
        Those of ``candidates`` for which no other is cheaper and as close to the goal, by cost.
    candidates : DataFrame
        All candidates that were run, see ``gpusim.studies.planning.tables``.
    runs, budget : int
    ended : str
        Why the search ended, as in ``gpusim.studies.planning.search.Search``.
    unasked : tuple of str
        Conditions without demand in any run of the chosen plan: without demand every limit is met.
    failed : int
        Runs that failed: the candidate counts as one that does not meet the goal.
    store : Store
        Where the finished runs are.
    units : dict of str
        Unit of what each option buys; "" where it has none, as a choice.
    """

    def __repr__(self) -> str:
        met = "surely met" if self.chosen["sure"] else "met on average" if self.chosen["met"] else "not met"
        tried = f"{number_of(len(self.candidates), 'candidate')} in {number_of(self.runs, 'run')}"
        return one_line(f"<Plan for {self.goal.text!r}: {met} for {self.chosen['cost_usd']:,.0f} USD, {tried}>")

    @property
    def text(self) -> str:
        """What was found and how sure it is, in sentences."""
        return verdict(self)

    def draw(self, ax: Axes | None = None) -> Figure:
        """The figure of its report: the front of cost and what the goal asks for; in the place of ``ax`` if given."""
        # Here and not above: who draws nothing does not wait for matplotlib.
        from gpusim.report.drawing import draw
        from gpusim.report.plans import SECTIONS

        return draw(self, "front", SECTIONS, ax)


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
    """Find the cheapest purchases of ``[plan.options]`` that meet a goal.

    The same arguments give the same plan with any executor. A second call resumes where the first stopped.

    Parameters
    ----------
    scenario : Scenario or path
        A path is read as a scenario file.
    goal : str
        Conditions as in ``gpusim.studies.planning.goal``: ``"p95 wait of research < 2 h and slo(chat) >= 0.99"``.
    budget : int
        Total number of runs, including those that the store already holds.
    replications : int
        Runs of each candidate, with seeds ``seed``, ``seed + 1``, ...: the same ones for every candidate.
    most_usd : float, optional
        [USD] Skip plans that cost more.
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
    proposal = propose(
        scenario, goal, budget=budget, replications=replications, most_usd=most_usd, seed=seed, store=store,
        executor=executor, workers=workers, address=address, progress=progress,
    )  # fmt: skip
    return Plan(**vars(proposal))

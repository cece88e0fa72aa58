"""Proposals: the cheapest purchases that meet a goal, as a search found them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import GpusimError
from gpusim.results.tables.folder import folder_name
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.goal import Goal
from gpusim.studies.planning.runs import CandidateRuns
from gpusim.studies.planning.search import Search
from gpusim.studies.planning.shop import Shop
from gpusim.studies.planning.tables import candidates_table, purchases_table
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import open_backend
from gpusim.studies.sweeps.execution import Progress
from gpusim.version import __version__


@dataclass(frozen=True)
class Proposal:
    """What a search for the cheapest plan found; ``gpusim.Plan``, which tells of the fields, says it in words too."""

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
    units: dict[str, str]


def propose(
    scenario: Scenario,
    goal: str,
    *,
    budget: int,
    replications: int,
    most_usd: float | None,
    seed: int,
    store: str | Path | None,
    executor: str | Executor,
    workers: int | None,
    address: str | None,
    progress: Callable[[Progress], None],
) -> Proposal:
    """Search what to buy so that a goal is met at the least cost; arguments as of ``gpusim.plan``."""
    _check(budget, replications, most_usd, seed)
    wanted, shop = Goal.parse(goal, scenario), Shop(scenario)
    about = {
        "study": "plan", "scenario": scenario.to_toml_dict(), "goal": goal, "budget": budget,
        "replications": replications, "most_usd": most_usd, "seed": seed, "gpusim_version": __version__,
    }  # fmt: skip
    kept = Store.create(store or Path("out") / f"{folder_name(scenario.name)}-plan" / "runs", about)
    with open_backend(executor, workers, address) as backend:
        runs = CandidateRuns(shop, wanted, kept, backend, seed, budget, progress)
        search = Search(
            shop.space, wanted, runs.figures, budget=budget, replications=replications, seed=seed,
            most_usd=float("inf") if most_usd is None else most_usd,
        )  # fmt: skip
        search.play()
    return _found(search, runs)


def _found(search: Search, runs: CandidateRuns) -> Proposal:
    evidence = search.evidence
    front = evidence.front()
    chosen = front[-1]  # the nearest to the goal: if it meets it, the cheapest that does
    candidates = candidates_table(evidence, list(evidence.figures))
    return Proposal(
        goal=evidence.goal,
        chosen=candidates.iloc[list(evidence.figures).index(chosen)],
        scenario=runs.shop.scenario(chosen),
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
        units={name: option.unit for name, option in search.space.options.items()},
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

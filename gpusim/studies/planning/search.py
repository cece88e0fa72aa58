"""The search: which candidates are run, how often, and when it ends.

Optuna proposes candidates (a tree-structured Parzen estimator on cost and shortfall: Ozaki et al. 2022), in batches of
a fixed size, so that a plan does not depend on who does the work. Of what it proposes only that is run which may still
change the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import optuna

from gpusim import rng
from gpusim.studies.planning.evidence import Evidence
from gpusim.studies.planning.goal import Goal
from gpusim.studies.planning.space import Candidate, Space

BATCH = 8  # candidates that are run together
ASKED = 2 * BATCH  # proposals for a batch; most are known, or too expensive, when little is left to find
FIRST, GROWTH = 2, 1.5  # replications of the first round, and by how much they grow until the next
Trial = tuple[Candidate, int]  # candidate, replication
Evaluate = Callable[[Sequence[Trial]], Sequence[np.ndarray]]  # the figures of each, shape (conditions,)


class Search:
    """The search for the cheapest candidate that meets a goal, and for the front of cost and shortfall.

    A candidate is run twice, and further as long as it is on the front by its runs so far; else it is put aside, and
    taken up again when nothing new is left. It is not run, or not further, if it

    - costs more than ``most_usd``, or not less than a plan that is known to meet the goal: a complete candidate whose
      mean figures meet it;
    - is hopeless, see ``Evidence.is_hopeless``: asked after 2, 3, 5, 8, ... replications.

    Attributes
    ----------
    evidence : Evidence
        All that was run.
    runs : int
        How many that were.
    ended : str
        Why it ended: ``"all"``: no candidate is left that may change the answer; ``"budget"``; or ``"repeats"``: of a
        space too large to list, nothing new is proposed.
    """

    def __init__(
        self,
        space: Space,
        goal: Goal,
        evaluate: Evaluate,
        *,
        budget: int,
        replications: int,
        most_usd: float = float("inf"),
        seed: int = 0,
    ):
        self.space, self.evaluate, self.budget, self.most_usd = space, evaluate, budget, most_usd
        self.evidence = Evidence(space, goal, replications)
        self.runs, self.ended = 0, ""
        self._study = _study(seed)
        self._distributions = _distributions(space)
        self._left = space.costliest_first()

    def play(self) -> None:
        """Search until nothing is left that may change the answer, or the budget is spent."""
        for batch in [self.space.nothing], [*self.space.everything(), *self.space.alone()]:
            self._try(batch)
        while not self.ended:
            moved = self._try(self._near())
            if not (self._propose() or moved or self._try(self._some_left()) or self._take_up()) and not self.ended:
                self.ended = "all" if self.space.is_listed else "repeats"

    # Candidates -------------------------------------------------------------------------------------------------

    def _is_new(self, candidate: Candidate) -> bool:
        return candidate not in self.evidence.figures and self._is_cheap(candidate)

    def _is_cheap(self, candidate: Candidate) -> bool:
        cost, cheapest = self.space.cost_usd(candidate), self.evidence.cheapest()
        return cost <= self.most_usd and (cheapest is None or cost < self.space.cost_usd(cheapest))

    def _near(self) -> list[Candidate]:
        """The cheapest plan so far with one option less; where there is none, the nearest with one option more."""
        cheapest = self.evidence.cheapest()
        return self.space.smaller(cheapest) if cheapest else self.space.larger(self.evidence.front()[-1])

    def _propose(self) -> bool:
        """Run a batch of what Optuna proposes; whether anything was new."""
        trials, batch = [], []
        while len(trials) < ASKED and len(batch) < min(BATCH, self._room):
            trial = self._study.ask(self._distributions)
            candidate = tuple(trial.params[name] for name in self.space.options)
            trials.append((trial, candidate))
            if self._is_new(candidate) and candidate not in batch:
                batch.append(candidate)
        self._race(batch)
        for trial, candidate in trials:
            self._study.tell(trial, self._objectives(candidate))
        return bool(batch)

    def _some_left(self) -> list[Candidate]:
        """The costliest of all that were not run yet and may be worth it, as many as there is room for, or one."""
        batch: list[Candidate] = []
        for candidate in self._left:
            if self._is_new(candidate):
                batch.append(candidate)
                if len(batch) >= min(BATCH, self._room):
                    break
        return batch

    def _take_up(self) -> bool:
        """Complete some of those put aside, the nearest to the goal first; whether there were any."""
        aside = [one for one in self.evidence.figures if self._is_worth_it(one, self.evidence.front())]
        batch = self._fitting(sorted(aside, key=self.evidence.shortfall)[:BATCH])
        self._race(batch, only_the_front=False)
        return bool(batch)

    # Runs -------------------------------------------------------------------------------------------------------

    def _try(self, candidates: Iterable[Candidate]) -> bool:
        """Run candidates that Optuna did not propose, and let it know; whether there were any."""
        batch = self._fitting([candidate for candidate in candidates if self._is_new(candidate)])
        self._race(batch)
        for candidate in batch:
            params = dict(zip(self.space.options, candidate))
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=self._distributions, values=self._objectives(candidate)
                )
            )
        return bool(batch)

    @property
    def _room(self) -> int:
        """How many new candidates the rest of the budget can complete."""
        return (self.budget - self.runs) // self.evidence.replications

    def _fitting(self, batch: list[Candidate]) -> list[Candidate]:
        """As many as there is room for; if that is none, the search ends."""
        if batch and not self._room:
            self.ended = "budget"
        return batch[: self._room]

    def _race(self, batch: list[Candidate], only_the_front: bool = True) -> None:
        """Replicate candidates for as long as they are worth it."""
        for replications in _rounds(self.evidence.replications):
            front = self.evidence.front()
            batch = [one for one in batch if self._is_worth_it(one, front)]
            if only_the_front:
                rivals = [*front, *batch]
                batch = [one for one in batch if not self.evidence.is_behind(one, rivals)]
            trials = [(one, r) for one in batch for r in range(self.evidence.runs(one), replications)]
            if trials:
                self.runs += len(trials)
                self.evidence.add(dict(zip(trials, self.evaluate(trials))))

    def _is_worth_it(self, candidate: Candidate, front: list[Candidate]) -> bool:
        """Whether a further run may change the answer."""
        incomplete = self.evidence.runs(candidate) < self.evidence.replications
        return incomplete and self._is_cheap(candidate) and not self.evidence.is_hopeless(candidate, front)

    # Optuna -----------------------------------------------------------------------------------------------------

    def _objectives(self, candidate: Candidate) -> list[float]:
        """Cost and shortfall, both from 0 to 1; of what was not run, as not worth it, the worst shortfall."""
        most = self.space.most_usd or 1.0
        found = candidate in self.evidence.figures
        shortfall = self.evidence.shortfall(candidate) if found else np.inf
        return [self.space.cost_usd(candidate) / most, 1.0 if np.isinf(shortfall) else shortfall / (1.0 + shortfall)]


def _rounds(replications: int) -> list[int]:
    """Total replications after each round: 2, 3, 5, 8, 12, ..."""
    rounds = [FIRST]
    while rounds[-1] < replications:
        rounds.append(min(math.ceil(GROWTH * rounds[-1]), replications))
    return rounds


def _study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=int(rng.stream(seed, "plan").integers(2**31)))
    return optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)


def _distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    """Levels: ordered if they are amounts, names if they are choices."""
    return {
        name: optuna.distributions.CategoricalDistribution(range(len(levels)))
        if option.choices
        else optuna.distributions.IntDistribution(0, len(levels) - 1)
        for (name, option), levels in zip(space.options.items(), space.levels)
    }

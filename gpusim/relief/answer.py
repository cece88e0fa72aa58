"""From the runs of a relief study to its tables and sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.causes import WORDS
from gpusim.analysis.labels import change_of, words_of
from gpusim.analysis.separation import Separation
from gpusim.analysis.statistics import CONFIDENCE, Moments, mean_interval
from gpusim.model.measure import sign_of
from gpusim.model.scenario import Scenario
from gpusim.record.relief import Relief
from gpusim.relief.agreement import agreement, explanations, groups, knees, moves
from gpusim.relief.counterfactual import Counterfactual, counted
from gpusim.relief.values import BASE, Values

# What a counterfactual changes: work, waiting, service level, energy, cost; revenue and cash where there are contracts.
EFFECTS = (
    "useful_gpu_hours", "goodput", "job_hours_waited", "wait_mean_s", "wait_p95_s", "service_tokens_served_share",
    "energy_facility_mwh", "energy_usd", "carbon_t", "gpu_list_usd", "usd_per_useful_gpu_hour",
    "revenue_usd", "free_cash_usd",
)  # fmt: skip


def answer(
    scenario: Scenario,
    reliefs: dict[str, Counterfactual],
    values: Values,
    measure: str,
    separation: Separation | None,
    settings: dict,
) -> Relief:
    """All tables of a study; see ``gpusim.record.relief.Relief``."""
    ranking = _ranking(scenario, reliefs, values, measure)
    grouped = groups(ranking)
    moved = moves(list(ranking["relief"]), values)
    waits = values.gains("job_hours_waited", 1.0, reliefs).mean()
    causes = {name: one.causes for name, one in reliefs.items()}
    curves = _curves(reliefs, values, measure)
    about = {
        **settings,
        "scenario": scenario.to_toml_dict(),
        "start": scenario.run.start.isoformat(),
        "measure": measure,
        "what": f"{'less' if sign_of(measure) < 0.0 else 'more'} {words_of(measure)}",
        "replications": len(values.figures.loc[(BASE, 0.0)]),
        "verdict": _verdict(ranking, separation, settings, measure),
        "separated": bool(separation and separation.separated),
        "agreement": agreement(grouped),
        "explanations": explanations(grouped, moved, causes, waits, measure),
        "levelling": _levelling(curves, reliefs),
    }
    return Relief(about, ranking, _effects(reliefs, values, measure), grouped, moved, curves)


def _ranking(scenario: Scenario, reliefs: dict[str, Counterfactual], values: Values, measure: str) -> pd.DataFrame:
    gains, held = values.gains(measure, sign_of(measure), reliefs), values.base_held()
    rows = []
    for name, one in reliefs.items():
        gain = mean_interval(gains[name])
        rows.append({
            "relief": name, "group": one.group, "resource": one.resource, "place": one.place,
            "constraint": one.constraint, "text": one.text, "size": one.size(), "unit": one.unit,
            "gain": gain.mean, "low": gain.low, "high": gain.high, "n": gain.n, "per_unit": gain.mean / one.size(),
            "usd": one.usd, "per_usd": gain.mean / one.usd if one.usd > 0.0 else np.nan,
            "ledger_gpu_hours": sum(held.get(place, 0.0) for place in one.causes) if one.causes else np.nan,
        })  # fmt: skip
    columns = ["relief", "group", "resource", "place", "constraint", "text", "size", "unit", "gain", "low", "high", "n",
               "per_unit", "usd", "per_usd", "ledger_gpu_hours"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
    table["ledger_rank"] = table["ledger_gpu_hours"].rank(ascending=False, method="min")
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _effects(reliefs: dict[str, Counterfactual], values: Values, measure: str) -> pd.DataFrame:
    measures = [figure for figure in dict.fromkeys((measure, *EFFECTS)) if figure in values.figures]
    base, rows = values.figures.loc[(BASE, 0.0)], []
    for name in reliefs:
        for figure in measures:
            own = values.of(name, 1.0, figure)
            first, second = base[figure].reindex(own.index), own
            change = mean_interval(second - first)
            moments = [Moments.of(part.to_numpy(float)) for part in (first, second, second - first)]
            with np.errstate(invalid="ignore", divide="ignore"):
                reduction = (moments[0].sd ** 2 + moments[1].sd ** 2) / moments[2].sd ** 2
            rows.append((name, figure, float(first.mean()), change.mean, change.low, change.high, change.n,
                         float(reduction)))  # fmt: skip
    columns = ["relief", "measure", "base", "difference", "low", "high", "n", "variance_reduction"]
    return pd.DataFrame(rows, columns=columns)


def _curves(reliefs: dict[str, Counterfactual], values: Values, measure: str) -> pd.DataFrame:
    """Gain along multiples of the step, with the knee and the bottleneck that comes next."""
    rows = []
    places = values.figures.index.droplevel("replication").unique()
    several = [name for name in reliefs if sum(relief == name for relief, _multiple in places) > 1]
    for name in several:
        for multiple in sorted(multiple for relief, multiple in places if relief == name):
            gain = mean_interval(values.gains(measure, sign_of(measure), [name], multiple)[name])
            _base, held = values.held_by(name, multiple)
            pool, cause, hours = _next(held, reliefs[name])
            rows.append((name, reliefs[name].size(multiple), reliefs[name].unit, gain.mean, gain.low, gain.high, gain.n,
                         pool, cause, hours))  # fmt: skip
    columns = ["relief", "amount", "unit", "gain", "low", "high", "n", "next_pool", "next_cause", "next_gpu_hours"]
    table = pd.DataFrame(rows, columns=columns).drop_duplicates(["relief", "amount"], ignore_index=True)
    return table.assign(knee=table.index.isin(list(knees(table))))


def _next(held: pd.Series, one: Counterfactual) -> tuple[str, str, float]:
    """The largest other cause, with its GPU-hours, in the pools that a counterfactual is about (all, if about none)."""
    pools = {pool for pool, _cause in one.causes} or set(held.index.get_level_values(0))
    other = held[[place[0] in pools and place not in one.causes for place in held.index]]
    return (*other.idxmax(), float(other.max())) if len(other) and other.max() > 0.0 else ("", "", 0.0)


def _levelling(curves: pd.DataFrame, reliefs: dict[str, Counterfactual]) -> list[str]:
    """A sentence for each curve with a knee: where it levels off, and what comes next."""
    sentences = []
    for row in curves[curves["knee"]].itertuples():
        after = f"{reliefs[row.relief].group}: gains level off after +{counted(row.amount, row.unit)}"
        following = (
            f"; the next bottleneck is '{WORDS[row.next_cause].short}' at {row.next_pool}" if row.next_pool else ""
        )
        sentences.append(f"{after}{following}.")
    return sentences


def _verdict(ranking: pd.DataFrame, separation: Separation | None, settings: dict, measure: str) -> str:
    if separation is None:
        return "No constraint of the scenario binds: there is nothing to relieve."
    best = ranking.set_index("relief").loc[separation.best]
    gain = change_of(measure, sign_of(measure) * best["gain"])
    head = f"{best['text'][0].upper()}{best['text'][1:]} gains most ({gain})"
    runs = f"after {settings['runs']:,} runs"
    if separation.separated and separation.tied:
        return f"{head}, {runs}; the same as {', '.join(separation.tied)}, and more than all others ({CONFIDENCE:.0%})."
    if separation.separated:
        return f"{head}, {runs}: more than all others at a confidence of {CONFIDENCE:.0%}."
    rest = [name for name in separation.contenders if name != separation.best]
    return (
        f"{head}, {runs}, but the budget of {settings['budget']:,} runs is spent and {len(rest)} more may be the best: "
        f"{', '.join(rest[:5])}{' and others' if len(rest) > 5 else ''}."
    )

"""From the runs of a relief study to its tables and sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.causes import REJECTED, WORDS
from gpusim.results.labels import change_of, unit_of, words_of
from gpusim.results.levelling import beyond
from gpusim.results.measure import sign_of
from gpusim.results.tables.studies import Relief
from gpusim.results.wording import gpu_hours, share
from gpusim.scenario.scenario import Scenario
from gpusim.studies.relief.agreement import agreement, explanations, groups, knees, moves
from gpusim.studies.relief.counterfactual import Counterfactual, counted
from gpusim.studies.relief.values import BASE, Values
from gpusim.studies.statistics.intervals import CONFIDENCE, Moments, changes, mean_interval
from gpusim.studies.statistics.separation import Separation
from gpusim.units import number_of

# What a counterfactual changes: work, waiting, service level, energy, cost; revenue and cash where there are contracts.
EFFECTS = (
    "useful_gpu_hours", "goodput", "job_hours_waited", "wait_mean_s", "wait_p95_s", "service_tokens_served_share",
    "energy_facility_mwh", "energy_usd", "carbon_t", "owning_usd", "usd_per_useful_gpu_hour",
    "revenue_usd", "free_cash_usd",
)  # fmt: skip


def answer(
    scenario: Scenario,
    reliefs: dict[str, Counterfactual],
    values: Values,
    measure: str,
    separation: Separation | None,
    settings: dict,
    rejected: str = "",
) -> Relief:
    """All tables of a study; see ``gpusim.results.tables.studies.Relief``. ``rejected``: which jobs were, and why."""
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
        "verdict": f"{rejected} {_verdict(ranking, separation, settings, measure, bool(rejected))}".strip(),
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
            "ledger_gpu_hours": one.booked(held),
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
            first, second = base[figure].reindex(own.index).to_numpy(float), own.to_numpy(float)
            gaps = changes(first, second)
            change = mean_interval(gaps)
            moments = [Moments.of(part) for part in (first, second, gaps)]
            with np.errstate(invalid="ignore", divide="ignore"):
                reduction = (moments[0].sd ** 2 + moments[1].sd ** 2) / moments[2].sd ** 2
            rows.append((name, figure, float(moments[0].mean), change.mean, change.low, change.high, change.n,
                         float(reduction)))  # fmt: skip
    columns = ["relief", "measure", "base", "difference", "low", "high", "n", "variance_reduction"]
    return pd.DataFrame(rows, columns=columns)


def _curves(reliefs: dict[str, Counterfactual], values: Values, measure: str) -> pd.DataFrame:
    """Gain along multiples of the step, with the knee, and the largest other cause there."""
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
    pools = {pool for pool, cause in one.causes if cause not in REJECTED} or set(held.index.get_level_values(0))
    other = held[[place[0] in pools and place not in one.causes for place in held.index]]
    return (*other.idxmax(), float(other.max())) if len(other) and other.max() > 0.0 else ("", "", 0.0)


def _levelling(curves: pd.DataFrame, reliefs: dict[str, Counterfactual]) -> list[str]:
    """A sentence for each curve with a knee: what gains do behind it, and what holds back most then."""
    sentences = []
    for name, part in curves.groupby("relief", sort=False):
        found = beyond(part)
        if found is None:
            continue
        knee = part[part["knee"]].iloc[0]
        amount, most = (f"+{counted(value, knee['unit'])}" for value in (found.amount, found.most))
        said = {
            "level": f"gains level off after {amount}",
            "fall": f"gains are greatest at {most}, and less beyond",
            "rise": f"at {amount} the gain is {share(found.share)} of that at {most}: beyond it gains rise more slowly",
        }[found.how]
        then = ""
        if knee["next_pool"]:
            held = f"{gpu_hours(knee['next_gpu_hours'])} held back"
            then = (
                f"; then the largest other cause is '{WORDS[knee['next_cause']].short}' ({knee['next_pool']}), {held}"
            )
        sentences.append(f"{reliefs[name].group}: {said}{then}.")
    return sentences


def _verdict(ranking: pd.DataFrame, separation: Separation | None, settings: dict, measure: str, rejects: bool) -> str:
    if separation is None:
        if rejects:
            return "No constraint that a step would loosen binds."
        return "No constraint of the scenario binds: there is nothing to relieve."
    best = ranking.set_index("relief").loc[separation.best]
    what, runs = f"{best['text'][0].upper()}{best['text'][1:]}", f"after {number_of(settings['runs'], 'run')}"
    gain = change_of(measure, sign_of(measure) * best["gain"])
    if best["gain"] <= 0.0:
        return f"No relief that was tried gains anything, {runs}; the best is: {best['text']} ({gain})."
    # Means over other seeds than the best one's may be greater: pairs under the same seeds decide.
    most = "gains most" if best["rank"] == 1 else "gains most with the same seeds"
    return f"{what} {most} ({gain}), {runs}{_how_sure(separation, ranking, settings)}{_doubt(best, measure)}"


def _doubt(best: pd.Series, measure: str) -> str:
    """A sentence where the best may gain nothing."""
    if best["low"] > 0.0:
        return ""
    if not np.isfinite(best["low"]):
        return " One pair of runs does not say how certain that is."
    unit = unit_of(measure, max(abs(best["low"]), abs(best["high"])))
    return (
        f" It may gain nothing: its {CONFIDENCE:.0%} interval reaches from {unit.said(best['low'])} to"
        f" {unit.said(best['high'])}."
    )


def _how_sure(separation: Separation, ranking: pd.DataFrame, settings: dict) -> str:
    """What is known of the best relief against the others, which go by their ranks."""
    if len(ranking) == 1:
        return ": no other constraint that a step would loosen binds."
    tied = f"the same as {_ranks(separation.tied, ranking)}"
    if separation.separated and len(separation.tied) == len(ranking) - 1:
        return f"; {tied}."
    if separation.separated and separation.tied:
        return f"; {tied}, and more than all others ({CONFIDENCE:.0%})."
    if separation.separated:
        return f": more than all others at a confidence of {CONFIDENCE:.0%}."
    rest = [name for name in separation.contenders if name != separation.best]
    are, runs = "is" if len(rest) == 1 else "are", number_of(settings["budget"], "run")
    return (
        f". The budget of {runs} for the ranking is spent, and {len(rest)} more {are} not ruled out as the best:"
        f" {_ranks(rest, ranking)}."
    )


def _ranks(reliefs: list[str], ranking: pd.DataFrame) -> str:
    """The first of some reliefs by their ranks: ``"#2, #3 and others"``."""
    ranks = sorted(ranking.set_index("relief").loc[reliefs, "rank"])
    return ", ".join(f"#{rank}" for rank in ranks[:5]) + (" and others" if len(ranks) > 5 else "")

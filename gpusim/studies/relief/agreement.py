"""How far the ledger alone would have said the same as the counterfactual runs, and why not where it would not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gpusim.causes import WORDS
from gpusim.results.labels import change_of
from gpusim.results.measure import sign_of
from gpusim.results.wording import gpu_hours, quantity
from gpusim.studies.relief.values import Values
from gpusim.studies.statistics.intervals import changes
from gpusim.units import number_of

TOP = 3  # groups of either ranking whose place in the other is looked at
LITTLE = 0.05  # of what was held back: less did not go away
MOVED = 0.1  # of what went away: as much or more came back under another cause


def groups(ranking: pd.DataFrame) -> pd.DataFrame:
    """Alternatives at one resource and place as one row: the best of them, and the ledger's figure.

    Parameters
    ----------
    ranking : DataFrame
        Counterfactuals: relief, group, gain, ledger_gpu_hours (NaN: the ledger cannot see the constraint).

    Returns
    -------
    DataFrame
        group, relief, gain, relief_rank, ledger_gpu_hours, ledger_rank; the best gain first. Ranks are those of the
        ranking, the best of the group: every table and sentence gives a constraint the same number. What the ledger
        cannot see has no ledger_rank.
    """
    table = ranking.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
    table = table.assign(
        relief_rank=np.arange(1.0, len(table) + 1.0),
        ledger_rank=table["ledger_gpu_hours"].rank(ascending=False, method="min"),
    )
    seen = table.groupby("group", sort=False).agg(hours=("ledger_gpu_hours", "max"), rank=("ledger_rank", "min"))
    table = table.drop_duplicates("group")[["group", "relief", "gain", "relief_rank"]].reset_index(drop=True)
    return table.assign(
        ledger_gpu_hours=table["group"].map(seen["hours"]), ledger_rank=table["group"].map(seen["rank"])
    )


def agreement(table: pd.DataFrame) -> dict[str, float | bool]:
    """Whether both rankings have the same first, and their rank correlation over groups that the ledger sees.

    Returns
    -------
    dict
        top1 (bool), kendall (tau-b), spearman (rho), groups (how many the correlations rest on); NaN with fewer than
        three or where one ranking is all ties.
    """
    from scipy.stats import kendalltau, spearmanr  # here: it takes long to load

    seen = table.dropna(subset=["ledger_gpu_hours"])
    pair = seen["gain"].to_numpy(), seen["ledger_gpu_hours"].to_numpy()
    enough = len(seen) >= 3 and all(np.ptp(values) > 0.0 for values in pair)
    return {
        "top1": bool(len(table) and table.loc[table["gain"] == table["gain"].max(), "ledger_rank"].eq(1.0).any()),
        "kendall": float(kendalltau(*pair).statistic) if enough else float("nan"),
        "spearman": float(spearmanr(*pair).statistic) if enough else float("nan"),
        "groups": len(seen),
    }


def moves(reliefs: list[str], values: Values) -> pd.DataFrame:
    """GPU-hours held back in the base, and their change, by counterfactual, pool and cause; nothing where neither is.

    Returns
    -------
    DataFrame
        relief, pool, cause, base, difference.
    """
    parts = []
    for name in reliefs:
        base, changed = values.held_by(name, 1.0)
        part = (
            pd.DataFrame({"base": base, "difference": changes(base.to_numpy(), changed.to_numpy())})
            .rename_axis(["pool", "cause"])
            .reset_index()
        )
        parts.append(part[(part["base"] > 0.0) | (part["difference"] != 0.0)].assign(relief=name))
    columns = ["relief", "pool", "cause", "base", "difference"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def explanations(
    table: pd.DataFrame, moved: pd.DataFrame, causes: dict[str, frozenset], waits: pd.Series, measure: str
) -> list[str]:
    """Sentences on the groups that stand high in one ranking and not in the other.

    Parameters
    ----------
    table, moved : DataFrame
        Of ``groups`` and ``moves``.
    causes : dict
        (pool, cause) that a counterfactual relieves, by its name.
    waits : Series
        Change of the hours that jobs waited, by counterfactual.
    measure : str
        What gains are gains of.
    """
    sentences = []
    places = [table[name].rank(ascending=False, method="min") for name in ("gain", "ledger_gpu_hours")]
    for row, by_relief, by_ledger in zip(table.itertuples(), *places, strict=True):  # places among groups
        high = by_ledger <= TOP or by_relief <= TOP
        if not high or abs(by_relief - by_ledger) < 2.0:
            continue
        mine = moved[moved["relief"] == row.relief].set_index(["pool", "cause"])
        better = by_relief < by_ledger
        sentences.append(_sentence(row, better, mine, causes[row.relief], float(waits[row.relief]), measure))
    return sentences


def _sentence(row, better: bool, mine: pd.DataFrame, causes: frozenset, wait_h: float, measure: str) -> str:
    """A sentence on one group, which stands higher by relief than in the ledger (``better``), or lower."""
    gain = change_of(measure, sign_of(measure) * row.gain)
    if np.isnan(row.ledger_rank):
        return (
            f"{row.group}: #{row.relief_rank:.0f} by relief ({gain}), and not in the ledger, which books what a GPU"
            " lacked at its place, not rules that kept work away from it."
        )
    head = f"{row.group}: #{row.ledger_rank:.0f} in the ledger, #{row.relief_rank:.0f} by relief ({gain})."
    own = mine[mine.index.isin(list(causes))]
    held, gone = own["base"].sum(), -own["difference"].sum()
    other = mine[~mine.index.isin(list(causes))]["difference"]
    if gone < 0.0:
        return f"{head} What it held back grew by {gpu_hours(-gone)}, from {quantity(held)}."
    if better:
        fell = -other[other < 0.0].sum()
        return f"{head} The step took {gpu_hours(gone)} off it and {quantity(fell)} off other causes."
    if gone < LITTLE * held:
        return f"{head} The step is too small for what waits: {quantity(gone)} of {gpu_hours(held)} went away."
    if len(other) and other.max() > MOVED * gone:
        pool, cause = other.idxmax()
        return (
            f"{head} The bottleneck moved: {gpu_hours(gone)} went away and {quantity(other.max())} came as"
            f" '{WORDS[cause].short}' ({pool})."
        )
    waited = (
        f", and jobs waited {number_of(quantity(abs(wait_h)), 'hour')} {'less' if wait_h < 0.0 else 'more'}"
        if wait_h
        else ""
    )
    return f"{head} {quantity(gone)} of {gpu_hours(held)} went away{waited}; the gain is what came of that."


def knees(curves: pd.DataFrame) -> Iterator[int]:
    """Positions of the knee of each curve: farthest above the straight line from its start to its best point.

    The rule of Satopaa et al. 2011 ("Finding a Kneedle in a Haystack") without its smoothing; a straight curve, or one
    that gains nothing, has none.
    """
    for _name, part in curves.groupby("relief", sort=False):
        x, y = np.append(0.0, part["amount"]), np.append(0.0, part["gain"])
        if y.max() <= 0.0:
            continue
        above = np.maximum(y, 0.0) / y.max() - x / x.max()  # a knee gains something
        if above.max() > 0.05:
            yield part.index[max(int(np.argmax(above)) - 1, 0)]

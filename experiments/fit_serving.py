"""Fit step times and power of serving to measured runs; print how well they hold; write the catalogue.

    GPUSIM_DATA=... python experiments/fit_serving.py [gpusim/serving/catalogue]

Without a folder nothing is written. ``docs/serving_entries.md`` shows what it prints and tells the method.
"""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import pandas as pd
from serving_ladder import START, Ladder, draws_of, drawn_w, fit_draws, token_s
from serving_runs import runs

from gpusim.serving.adjustment import Adjustment, adjust
from gpusim.serving.closed_loop import decode_step_s
from gpusim.serving.coefficients import Coefficients
from gpusim.serving.kv_cache import running
from gpusim.serving.power import Draws
from gpusim.serving.runs import picked

PAIR = ["shape", "gpu", "engine", "weights", "experts"]
PAIR_RUNS = 6  # from which on a pair of model and GPU has factors of its own
OWN_INTERVAL_RUNS = 20
FOLDS = 5
MIDDLE = (0.1, 0.9)
PUBLISHER = {"serving_silicon": "ai-dynamo/aiconfigurator@095f58a", "ml_energy": "ml-energy/leaderboard@0cd52da"}


def main(folder: str | None = None) -> pd.DataFrame:
    """Fit, print, and write into the folder; the table of runs with all predictions."""
    table = runs(Path(os.environ["GPUSIM_DATA"]))
    ladder, sound = Ladder(table), (table["fault"] == "").to_numpy()
    factors = ladder.fit(sound)
    c, told = ladder.of(factors)
    powered = sound & table["power_w"].notna().to_numpy()
    draws = fit_draws(table[powered], picked(c, powered), picked(told, powered))
    table["fit_s"], table["fit_w"] = token_s(table, c, told), drawn_w(table, c, told, draws_of(draws, table["gpu"]))
    table["model_out_s"], table["model_out_w"] = left_out(ladder, factors, sound, table["shape"])
    table["pair_out_s"], _ = left_out(ladder, factors, sound, table["shape"] + " on " + table["gpu"])
    pairs = fit_pairs(ladder, factors, draws, sound)
    table["median_fit_s"] = median_s(table, c, told)
    report(table, ladder, factors, draws)
    if folder:
        write(Path(folder), ladder, factors, draws, pairs, table)
    return table


def left_out(ladder: Ladder, factors: np.ndarray, sound: np.ndarray, groups: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Token times [s] and power [W] of each group by a fit to all others."""
    table = ladder.table
    time_s, power_w = np.full(len(table), np.nan), np.full(len(table), np.nan)
    for group in sorted(set(groups)):
        out = (groups == group).to_numpy()
        c, told = ladder.of(ladder.fit(sound & ~out, factors))
        time_s[out] = token_s(table[out], picked(c, out), picked(told, out))
        others = sound & ~out & table["power_w"].notna().to_numpy()
        if table["power_w"][out].notna().any():
            draws = draws_of(fit_draws(table[others], picked(c, others), picked(told, others)), table["gpu"][out])
            power_w[out] = drawn_w(table[out], picked(c, out), picked(told, out), draws)
    return time_s, power_w


def fit_pairs(ladder: Ladder, factors: np.ndarray, draws: dict[str, Draws], sound: np.ndarray) -> list[dict]:
    """Adjustments of pairs with enough runs; columns pair_s and pair_w of the table: by runs of other folds."""
    table, (c, told) = ladder.table, ladder.of(factors)
    table["pair_s"], table["pair_w"] = np.nan, np.nan
    found = []
    loops = sound & (table["form"] == "loop").to_numpy()
    for key, group in table[loops].groupby(PAIR):
        if len(group) < PAIR_RUNS:
            continue
        here = table.index.isin(group.index)
        first, d = coefficients_of(c, group.index[0]), draws_of(draws, pd.Series([key[1]]))
        d = Draws(*(float(getattr(d, field.name)[0]) for field in fields(Draws)))
        fold = np.arange(len(group)) % FOLDS
        for k in range(FOLDS):
            kept, tried = group.index[fold != k], group.index[fold == k]
            adjusted = adjust(picked(told, table.index.isin(kept)), first, d)
            rows = table.index.isin(tried)
            own = adjusted.of_times(first)
            table.loc[tried, "pair_s"] = picked(told, rows).predicted_s(own)
            table.loc[tried, "pair_w"] = drawn_w(table[rows], own, picked(told, rows), adjusted.of_power(d))
        whole = adjust(picked(told, here), first, d)
        found.append(dict(zip(PAIR, key, strict=True)) | {"runs": len(group), "source": group["source"].iloc[0],
                     "adjustment": whole, "rows": group.index})  # fmt: skip
    return found


def coefficients_of(c: Coefficients, row: int) -> Coefficients:
    """Of one row, as numbers."""
    return Coefficients(*(float(value[row]) for value in astuple(c)))


def median_s(table: pd.DataFrame, c: Coefficients, told) -> np.ndarray:
    """[s] of the step in the middle: without prefill while requests begin in fewer than half of the steps (Poisson)."""
    alone_s = decode_step_s(told.replica, c, told.load, running(told.replica, told.load))
    return np.where(table["batch"] < np.log(2.0) * table["output_tokens"], alone_s, table["fit_s"])


def errors(table: pd.DataFrame, predicted: str, actual: str, by: list[str]) -> pd.DataFrame:
    """Runs, median ratio less 1, mean and median absolute error, share of runs within 10%, by group [%]."""
    known = table[table[predicted].notna() & table[actual].notna()]
    off = known[predicted] / known[actual] - 1.0
    size = off.abs()
    keys = [known[name] for name in by]
    shown = pd.DataFrame({
        "runs": size.groupby(keys).size(), "bias": off.groupby(keys).median(), "mean": size.groupby(keys).mean(),
        "median": size.groupby(keys).median(), "within_10": (size <= 0.1).groupby(keys).mean(),
    })  # fmt: skip
    return shown.assign(**{name: (100.0 * shown[name]).round(1) for name in ("bias", "mean", "median", "within_10")})


def report(table: pd.DataFrame, ladder: Ladder, factors: np.ndarray, draws: dict[str, Draws]) -> None:
    """Print the tables of the document."""
    sound = table[table["fault"] == ""]
    print("runs by source and fault\n", table.groupby(["source", "fault"]).size().to_string(), "\n")
    for title, column, actual in (
        ("token time, all models in the fit", "fit_s", "token_s"),
        ("token time, model left out", "model_out_s", "token_s"),
        ("token time, model on this GPU left out", "pair_out_s", "token_s"),
        ("token time, pair's own factors, other folds", "pair_s", "token_s"),
        ("median token time, all models in the fit", "median_fit_s", "median_s"),
        ("power, all models in the fit", "fit_w", "power_w"),
        ("power, model left out", "model_out_w", "power_w"),
        ("power, pair's own factors, other folds", "pair_w", "power_w"),
    ):
        print(title, "[%]")
        print(errors(sound, column, actual, ["source"]).to_string())
        if "left out" in title:
            print(errors(sound, column, actual, ["source", "gpu", "kind"]).to_string())
            print(errors(sound, column, actual, ["source", "shape", "gpu", "engine"]).to_string())
        print()
    print("faulty rows, token time, all models in the fit [%]")
    print(errors(table[table["fault"] != ""], "fit_s", "token_s", ["source", "fault"]).to_string(), "\n")
    print("coefficients")
    for (name, of, which), log in zip(ladder.keys, factors, strict=True):
        if of == "base":
            print(f"  {name:18s} {START[name][0] * np.exp(log):.4g}")
        elif of == "task":
            print(f"  {name} of {which}: {np.exp(log):.3f}")
    print("power, shares of the range:", {gpu: tuple(round(v, 3) for v in astuple(d)) for gpu, d in draws.items()})


def write(folder: Path, ladder: Ladder, factors: np.ndarray, draws: dict[str, Draws], pairs: list[dict], table) -> None:
    """The catalogue: coefficients, power, pairs, intervals."""
    _write(folder / "coefficients.csv", ["coefficient", "of", "which", "value"], [
        [name, of, which, f"{(START[name][0] if of == 'base' else 1.0) * np.exp(log):.4g}"]
        for (name, of, which), log in zip(ladder.keys, factors, strict=True) if of != "task"
    ])  # fmt: skip
    states = [field.name for field in fields(Draws)]
    _write(folder / "power.csv", ["gpu", *states], [[gpu, *(f"{v:.4f}" for v in astuple(d))] for gpu, d in draws.items()])
    sound = table[table["fault"] == ""].assign(one=1)
    kinds = {kind: [*middle(part, "model_out_s", "token_s"), *middle(part, "model_out_w", "power_w")]
             for kind, part in sound[sound["form"] == "loop"].groupby("kind")}  # fmt: skip
    columns = ["time_low", "time_high", "power_low", "power_high"]
    _write(folder / "intervals.csv", ["kind", *columns], [[kind, *map(_number, of)] for kind, of in kinds.items()])
    everyone = [*middle(sound, "pair_s", "token_s"), *middle(sound, "pair_w", "power_w")]
    names = [field.name for field in fields(Adjustment)]
    rows = []
    for pair in pairs:
        mine = table.loc[pair["rows"]]
        own = [*middle(mine, "pair_s", "token_s"), *middle(mine, "pair_w", "power_w")]
        own = own if pair["runs"] >= OWN_INTERVAL_RUNS else everyone
        kind = kinds[mine["kind"].iloc[0]]
        own = [*own[:2], *(own[2:] if mine["power_w"].notna().any() else kind[2:])]
        values = [pair[name] for name in PAIR] + [getattr(pair["adjustment"], name) for name in names] + own
        rows.append([value if isinstance(value, str) else _number(value) for value in values]
                    + [pair["runs"], PUBLISHER[pair["source"]]])  # fmt: skip
    _write(folder / "pairs.csv", ["model", *PAIR[1:], *names, *columns, "runs", "source"], rows)


def middle(rows: pd.DataFrame, predicted: str, actual: str) -> tuple[float, float]:
    """Quantiles of measured over predicted, every pair of model and GPU with the same weight."""
    known = rows[rows[predicted].notna() & rows[actual].notna()]
    if known.empty:
        return np.nan, np.nan
    ratio = known[actual] / known[predicted]
    weight = 1.0 / known.groupby(PAIR)["batch"].transform("size")
    order = np.argsort(ratio.to_numpy())
    level = np.cumsum(weight.to_numpy()[order]) / weight.sum()
    return tuple(float(ratio.to_numpy()[order][np.searchsorted(level, share)]) for share in MIDDLE)


def _number(value: float) -> str:
    return f"{value:.4f}"


def _write(path: Path, columns: list[str], rows: list[list]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:2])

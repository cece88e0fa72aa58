"""Fit step times and power of serving to measured runs; print how well they hold; write the catalogue.

    GPUSIM_DATA=... python experiments/fit_serving.py [gpusim/serving/catalogue]

Without a folder nothing is written. ``docs/serving_entries.md`` shows its output and explains the method.
"""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import pandas as pd
from serving_ladder import PAIR, START, Ladder, drawn_w, draws_of, fit_draws, token_s
from serving_runs import runs

from gpusim.serving.adjustment import Adjustment
from gpusim.serving.closed_loop import decode_step_s
from gpusim.serving.coefficients import Coefficients
from gpusim.serving.fitting import MeasuredRuns, adjust, picked
from gpusim.serving.kv_cache import running
from gpusim.serving.power import PowerDraw

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
    c, told = ladder.coefficients(factors), ladder.runs
    powered = sound & table["power_w"].notna().to_numpy()
    draws = fit_draws(table[powered], picked(c, powered), picked(told, powered))
    table["fit_s"], table["fit_w"] = token_s(table, c, told), drawn_w(table, c, told, draws_of(draws, table["gpu"]))
    table["model_out_s"], table["model_out_median_s"], table["model_out_w"] = left_out(
        ladder, factors, sound, table["shape"]
    )
    table["pair_out_s"], *_ = left_out(ladder, factors, sound, table["shape"] + " on " + table["gpu"])
    pairs = fit_pairs(ladder, factors, draws, sound)
    table["median_fit_s"] = median_s(table, c, told, table["fit_s"])
    report(table, ladder, factors, draws)
    if folder:
        write(Path(folder), ladder, factors, draws, pairs, table)
    return table


def left_out(ladder: Ladder, factors: np.ndarray, sound: np.ndarray, groups: pd.Series) -> np.ndarray:
    """Token times and their medians [s] and power [W] of each group by a fit to all others, shape (3, rows)."""
    table = ladder.table
    found = np.full((3, len(table)), np.nan)
    time_s, middle_s, power_w = found
    for group in sorted(set(groups)):
        out = (groups == group).to_numpy()
        c, told = ladder.coefficients(ladder.fit(sound & ~out, factors)), ladder.runs
        time_s[out] = token_s(table[out], picked(c, out), picked(told, out))
        middle_s[out] = median_s(table[out], picked(c, out), picked(told, out), time_s[out])
        others = sound & ~out & table["power_w"].notna().to_numpy()
        if table["power_w"][out].notna().any():
            draws = draws_of(fit_draws(table[others], picked(c, others), picked(told, others)), table["gpu"][out])
            power_w[out] = drawn_w(table[out], picked(c, out), picked(told, out), draws)
    return found


def fit_pairs(ladder: Ladder, factors: np.ndarray, draws: dict[str, PowerDraw], sound: np.ndarray) -> list[dict]:
    """Adjustments of pairs with enough runs, and of versions of their engine where there are several.

    Columns of the table: pair_s and pair_w by runs of other folds, version_s likewise where the version has its own.
    """
    table, c, told = ladder.table, ladder.coefficients(factors), ladder.runs
    loops = table[sound & (table["form"] == "loop").to_numpy()]
    table["pair_s"], table["pair_w"] = np.nan, np.nan
    found = []
    for key, group in loops.groupby(PAIR):
        if len(group) < PAIR_RUNS:
            continue
        d = picked(draws_of(draws, pd.Series([key[1]])), 0)
        first = picked(c, group.index[0])
        for version in ["", *(sorted(set(group["version"]) - {""}) if group["version"].nunique() > 1 else [])]:
            own = group[group["version"] == version] if version else group
            if len(own) >= PAIR_RUNS:
                other_folds(table, told, own, first, d)
                whole = adjust(picked(told, table.index.isin(own.index)), first, d)
                found.append(dict(zip(PAIR, key, strict=True)) | {"version": version, "adjustment": whole,
                             **intervals_of(table.loc[own.index]), "runs": len(own)})  # fmt: skip
        if version:
            table.loc[group.index, "version_s"] = table.loc[group.index, "pair_s"]
            other_folds(table, told, group, first, d)
    table["version_s"] = table["version_s"].fillna(table["pair_s"])
    return found


def other_folds(table: pd.DataFrame, told: MeasuredRuns, own: pd.DataFrame, c: Coefficients, d: PowerDraw) -> None:
    """Columns pair_s and pair_w of some runs of a pair: each fold by an adjustment to the others."""
    fold = np.arange(len(own)) % FOLDS
    for k in range(FOLDS):
        kept, tried = own.index[fold != k], own.index[fold == k]
        adjusted, rows = adjust(picked(told, table.index.isin(kept)), c, d), picked(told, table.index.isin(tried))
        times = adjusted.of_times(c)
        table.loc[tried, "pair_s"] = rows.predicted_s(times)
        table.loc[tried, "pair_w"] = drawn_w(table.loc[tried], times, rows, adjusted.of_power(d))


def intervals_of(own: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Intervals of time and power of a pair, and where its runs are from."""
    return {"time": middle(own, "pair_s", "token_s"), "power": middle(own, "pair_w", "power_w"),
            "source": PUBLISHER[own["source"].iloc[0]], "kind": own["kind"].iloc[0]}  # fmt: skip


def median_s(table: pd.DataFrame, c: Coefficients, told: MeasuredRuns, mean_s: np.ndarray) -> np.ndarray:
    """[s] of the step in the middle: without prefill while requests begin in fewer than half of the steps (Poisson).

    Beyond, the median of a Poisson number of begun requests is about its mean less log 2.
    """
    alone_s = decode_step_s(told.replica, c, told.load, running(told.replica, told.load))
    begun = table["batch"] / table["output_tokens"]
    return alone_s + np.maximum(1.0 - np.log(2.0) / begun, 0.0) * (mean_s - alone_s)


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


def report(table: pd.DataFrame, ladder: Ladder, factors: np.ndarray, draws: dict[str, PowerDraw]) -> None:
    """Print the tables of the document."""
    sound = table[table["fault"] == ""]
    print("runs by source and fault\n", table.groupby(["source", "fault"]).size().to_string(), "\n")
    for title, column, actual in (
        ("token time, all models in the fit", "fit_s", "token_s"),
        ("token time, model left out", "model_out_s", "token_s"),
        ("token time, model on this GPU left out", "pair_out_s", "token_s"),
        ("token time, pair's own factors, other folds", "pair_s", "token_s"),
        ("token time, factors of the pair's version, other folds", "version_s", "token_s"),
        ("median token time, all models in the fit", "median_fit_s", "median_s"),
        ("median token time, model left out", "model_out_median_s", "median_s"),
        ("power, all models in the fit", "fit_w", "power_w"),
        ("power, model left out", "model_out_w", "power_w"),
        ("power, pair's own factors, other folds", "pair_w", "power_w"),
    ):
        print(title, "[%]")
        print(errors(sound, column, actual, ["source"]).to_string())
        if "left out" in title:
            print(errors(sound, column, actual, ["source", "gpu", "kind"]).to_string())
            print(errors(sound, column, actual, ["source", "shape", "gpu", "engine"]).to_string())
        if column == "pair_s":
            print(errors(sound, column, actual, PAIR).to_string())
        print()
    print("faulty rows, token time, all models in the fit [%]")
    print(errors(table[table["fault"] != ""], "fit_s", "token_s", ["source", "fault"]).to_string(), "\n")
    print("coefficients")
    for (name, of, _which), log in zip(ladder.keys, factors, strict=True):
        if of == "base":
            print(f"  {name:18s} {START[name][0] * np.exp(log):.4g}")
    print(
        "power, shares of the range:", {gpu: tuple(float(round(v, 3)) for v in astuple(d)) for gpu, d in draws.items()}
    )


def write(
    folder: Path, ladder: Ladder, factors: np.ndarray, draws: dict[str, PowerDraw], pairs: list[dict], table
) -> None:
    """The catalogue: coefficients, power, pairs, intervals."""
    _write(folder / "coefficients.csv", ["coefficient", "of", "which", "value"], [
        [name, of, which, f"{(START[name][0] if of == 'base' else 1.0) * np.exp(log):.4g}"]
        for (name, of, which), log in zip(ladder.keys, factors, strict=True)
    ])  # fmt: skip
    states = [field.name for field in fields(PowerDraw)]
    _write(folder / "power.csv", ["gpu", *states], [[card, *map(_number, astuple(d))] for card, d in draws.items()])
    sound = table[table["fault"] == ""]
    kinds = {kind: [*middle(part, "model_out_s", "token_s"), *middle(part, "model_out_w", "power_w")]
             for kind, part in sound[sound["form"] == "loop"].groupby("kind")}  # fmt: skip
    columns = ["time_low", "time_high", "power_low", "power_high"]
    _write(folder / "intervals.csv", ["kind", *columns], [[kind, *map(_number, of)] for kind, of in kinds.items()])
    everyone = {"time": middle(sound, "pair_s", "token_s"), "power": middle(sound, "pair_w", "power_w")}
    names = [field.name for field in fields(Adjustment)]
    rows = []
    for pair in pairs:
        of = pair if pair["runs"] >= OWN_INTERVAL_RUNS else everyone
        power = of["power"] if np.isfinite(pair["power"][0]) else kinds[pair["kind"]][2:]
        numbers = [*(getattr(pair["adjustment"], name) for name in names), *of["time"], *power]
        rows.append(
            [*(pair[name] for name in [*PAIR, "version"]), *map(_number, numbers), pair["runs"], pair["source"]]
        )
    _write(folder / "pairs.csv", ["model", *PAIR[1:], "version", *names, *columns, "runs", "source"], rows)


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

"""Compare the built-in serving entries with measured runs, one prediction per row, without any fit.

    GPUSIM_DATA=... python experiments/check_serving.py

Meant for runs that ``fit_serving.py`` has not seen: a folder with other rows of the same files. On fitted runs it shows
the accuracy that the catalogue retains.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from serving_runs import cached, runs

from gpusim.serving.entry import Entry, entry
from gpusim.serving.model import model_shape
from gpusim.serving.replica import Layout


def main() -> pd.DataFrame:
    """Predict, print, and return the table of runs with the predictions."""
    folder = Path(os.environ["GPUSIM_DATA"])
    table = runs(folder)
    table = table[table["form"] != "step"]
    if (folder / "vllm_h100").exists():
        table = pd.concat([table, cached(folder)], ignore_index=True)
    predicted = pd.DataFrame([predict(row) for row in table.itertuples()], index=table.index)
    table = pd.concat([table, predicted], axis=1)
    table["kind"] = [model_shape(name).kind for name in table["model"]]
    sound = table[table["fault"] == ""]
    print("token time")
    print(shown(sound, "token_s", ["source", "basis"]).to_string())
    print(shown(sound, "token_s", ["source", "gpu", "kind"]).to_string())
    print("power of a GPU")
    print(shown(sound[sound["power_w"].notna()], "power_w", ["source", "gpu", "kind"]).to_string())
    print(table[table["fault"] != ""].groupby(["source", "fault"]).size().to_string())
    return table


def entry_of(row) -> Entry:
    """The entry of a row's deployment."""
    at = Layout(row.tp, 1, row.dp, row.ep)
    return entry(row.model, row.gpu, row.engine, at, row.weights, row.experts, row.kv, row.version)


def predict(row) -> dict[str, float | str]:
    """Token time [s] and power [W] of a row, with intervals."""
    known = entry_of(row)
    load = known.load(row.batch, row.prompt_tokens, row.output_tokens)
    time = known.decode_step_s(load) if row.form == "apart" else known.token_time_s(load)
    power = known.power_w(load)
    return {
        "basis": known.basis, "told_token_s": time.value, "low_token_s": time.low, "high_token_s": time.high,
        "told_power_w": power.value, "low_power_w": power.low, "high_power_w": power.high,
    }  # fmt: skip


def shown(table: pd.DataFrame, what: str, by: list[str]) -> pd.DataFrame:
    """Runs, median ratio less 1, mean and median absolute error, share inside the interval, by group [%]."""
    off = table[f"told_{what}"] / table[what] - 1.0
    inside = (table[what] >= table[f"low_{what}"]) & (table[what] <= table[f"high_{what}"])
    keys = [table[name] for name in by]
    found = pd.DataFrame({
        "runs": off.groupby(keys).size(), "bias": off.groupby(keys).median(), "mean": off.abs().groupby(keys).mean(),
        "median": off.abs().groupby(keys).median(), "inside": inside.groupby(keys).mean(),
    })  # fmt: skip
    names = ["bias", "mean", "median", "inside"]
    return found.assign(**{name: np.round(100.0 * found[name], 1) for name in names})


if __name__ == "__main__":
    main()

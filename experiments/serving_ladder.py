"""One fit to all measured serving runs: coefficients as products of shared factors, and power.

Used by ``fit_serving.py``.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from serving_runs import measured

from gpusim.serving.closed_loop import decode_step_s
from gpusim.serving.coefficients import BY_EXPERTS, BY_WEIGHTS, Coefficients
from gpusim.serving.fitting import FactorDesign, MeasuredRuns, fit
from gpusim.serving.kv_cache import running
from gpusim.serving.power import PowerDraw, loop_power_w, step_power_w
from gpusim.serving.roofline import host_s, step_s

# Where the fit starts, and the standard deviation of the log of each: wide for what is only known in order of size,
# narrow for shares of the memory bandwidth, which good kernels come near to and none passes.
START = {
    "host_s": (1e-3, 1.0), "sequence_s": (5e-6, 0.5), "block_s": (10e-6, 0.5), "expert_block_s": (20e-6, 0.7),
    "latent_block_s": (5e-6, 1.0), "recurrent_block_s": (5e-6, 1.0), "index_block_s": (20e-6, 1.0),
    "passes": (8.0, 0.5), "exchange_s": (5e-6, 0.7), "weight_read": (0.8, 0.08), "expert_read": (0.75, 0.06),
    "kv_read": (0.88, 0.05), "weight_math": (0.62, 0.1), "expert_math": (0.35, 0.3), "decode_math": (0.5, 0.3),
    "prefill_math": (0.5, 0.2), "skew": (0.4, 0.3), "link": (0.8, 0.1),
}  # fmt: skip
# Standard deviations of the logs of factors, times twice the coefficient's own (at most 1.5): chosen by the error of
# models left out, among 0.1 to 0.5 and 0.02 to 0.25; of formats as they are, less where a share near 1 would pass it.
ENGINES, GPUS = 0.2, 0.1
FORMATS = {"weight_read": 0.2, "weight_math": 0.2, "expert_read": 0.08, "expert_math": 0.2, "expert_block_s": 0.2}
PAIR = ["shape", "gpu", "engine", "weights", "experts"]
NOISE, POWER_NOISE = 0.08, 0.06
# A pair of model and GPU with this many runs counts as so many; others as their root, from a quarter to four times.
USUAL_RUNS = 25.0
# Shares of the range of power from which the fit starts: reading, computing, experts.
START_DRAWS = (0.5, 1.0, 0.7)


class Ladder:
    """Factors of the coefficients of every row of a table of runs, and the times that they predict."""

    def __init__(self, table: pd.DataFrame):
        self.table = table
        self.runs = measured(table)
        self.keys: list[tuple[str, str, str]] = []
        columns, spread = [], []

        def factors(name: str, of: str, values: pd.Series, deviation: float) -> None:
            for which in sorted(set(values)):
                if of == "base" or which:
                    self.keys.append((name, of, which))
                    columns.append((values == which).to_numpy(dtype=float))
                    spread.append(deviation)

        for name, (_, deviation) in START.items():
            factors(name, "base", pd.Series("", table.index), deviation)
            share = min(1.5, 2.0 * deviation)
            factors(name, "engine", table["engine"], ENGINES * share)
            factors(name, "gpu", table["gpu"], GPUS * share)
            if name in BY_WEIGHTS:
                factors(name, "format", table["weights"], FORMATS[name])
            if name in BY_EXPERTS:
                factors(name, "format", table["experts"], FORMATS[name])
        self.start = np.log([start for start, _ in START.values()])
        of = np.array([list(START).index(name) for name, _, _ in self.keys])
        self.design = FactorDesign(np.array(columns).T, of, np.array(spread))

    def coefficients(self, factors: np.ndarray) -> Coefficients:
        """Coefficients of the rows from the logs of the factors."""
        return _coefficients(self.start + self.design.logs(factors, len(self.start)))

    def fit(self, rows: np.ndarray, guess: np.ndarray | None = None) -> np.ndarray:
        """Logs of the factors that explain some rows; those of pairs with many runs count less each."""
        many = self.table.groupby(PAIR)["batch"].transform("size").to_numpy()
        weight = rows * np.clip(np.sqrt(USUAL_RUNS / many), 0.5, 2.0)

        def predicted(logs: np.ndarray) -> np.ndarray:
            return np.log(token_s(self.table, _coefficients(logs), self.runs))

        return fit(predicted, self.start, self.design, np.log(self.runs.token_s), NOISE, weight, guess)


def _coefficients(logs: np.ndarray) -> Coefficients:
    """From logs of shape (rows, coefficients)."""
    return Coefficients(**dict(zip(START, np.exp(logs).T, strict=True)))


def token_s(table: pd.DataFrame, c: Coefficients, runs: MeasuredRuns) -> np.ndarray:
    """[s] from token to token of each row: of a loop, of its decode workers alone, or of a step without a host."""
    r, batch, context, chunk = runs.replica, *(table[name].to_numpy() for name in ("batch", "context", "chunk"))
    loop_s, apart_s = runs.predicted_s(c), decode_step_s(r, c, runs.load, running(r, runs.load))
    kernels_s = step_s(r, c, batch, context, chunk) - host_s(r, c, batch)
    return np.select([table["form"] == "loop", table["form"] == "apart"], [loop_s, apart_s], kernels_s)


def drawn_w(table: pd.DataFrame, c: Coefficients, runs: MeasuredRuns, d: PowerDraw) -> np.ndarray:
    """[W] of one GPU of each row."""
    r, batch, context, chunk = runs.replica, *(table[name].to_numpy() for name in ("batch", "context", "chunk"))
    loop_w = loop_power_w(r, c, d, runs.load, running(r, runs.load))
    return np.where(table["form"] == "loop", loop_w, step_power_w(r, c, d, batch, context, chunk))


def fit_draws(table: pd.DataFrame, c: Coefficients, runs: MeasuredRuns) -> dict[str, PowerDraw]:
    """Shares of the range of power by GPU, held near those of all GPUs (""), from rows with power."""
    cards = sorted(set(table["gpu"]))
    at, states = table["gpu"].map(cards.index).to_numpy(), len(START_DRAWS)

    def shares(found: np.ndarray) -> np.ndarray:
        return np.exp(found[:states] + found[states:].reshape(-1, states))

    def off(found: np.ndarray) -> np.ndarray:
        ratio = np.log(drawn_w(table, c, runs, PowerDraw(*shares(found)[at].T)) / runs.power_w) / POWER_NOISE
        robust = np.sign(ratio) * np.sqrt(2.0 * (np.sqrt(1.0 + ratio**2) - 1.0))
        return np.concatenate([robust, found[:states] - np.log(START_DRAWS), found[states:] / 0.3])

    found = least_squares(off, np.concatenate([np.log(START_DRAWS), np.zeros(states * len(cards))])).x
    by_card = {card: PowerDraw(*values) for card, values in zip(cards, shares(found), strict=True)}
    return {"": PowerDraw(*np.exp(found[:states])), **by_card}


def draws_of(draws: dict[str, PowerDraw], gpus: pd.Series) -> PowerDraw:
    """Draws by row; of a GPU that was not measured, those of all."""
    each = [draws.get(name, draws[""]) for name in gpus]
    return PowerDraw(*(np.array([getattr(d, field.name) for d in each]) for field in fields(PowerDraw)))

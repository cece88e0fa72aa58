"""Step times from measured times of a model's layers, in the form that LLMServingSim's profiler writes.

Source of the form: casys-kaist/LLMServingSim, docs/docs/profiler. A folder for each degree of tensor parallelism holds
``dense.csv`` (layer, tokens, time_us), ``per_sequence.csv`` (layer, sequences, time_us), ``attention.csv``
(prefill_chunk, kv_prefill, n_decode, kv_decode, time_us: of one layer, one prompt and equal contexts) and maybe
``skew_fit.csv`` (what unequal contexts cost, by buckets); ``meta.yaml`` beside them says whether that counts. Models
with experts have ``moe.csv`` too (maybe ep, tokens, activated_experts, time_us: of one layer's experts on one rank of
``ep``, for the tokens of all). Files may be packed as ``.csv.gz``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from gpusim.errors import ServingError
from gpusim.serving.step_times import Curve, StepTimes, Uneven

US = 1e-6
ONCE = ("embedding", "final_layernorm")  # per step; all other dense layers once in each of the model's layers, but:
TWICE = ("layernorm",)  # before attention and before the feed-forward part
AXES = ("prefill_chunk", "kv_prefill", "n_decode", "kv_decode")


@dataclass(frozen=True)
class Interconnect:
    """What tensor-parallel ranks exchange their sums over.

    Attributes
    ----------
    bytes_per_s, latency_s : float
        Of one hop.
    """

    bytes_per_s: float
    latency_s: float

    def all_reduce_s(self, ranks: int, size_bytes: np.ndarray) -> np.ndarray:
        """[s] Ring: each rank sends 2 (ranks - 1) pieces of ``size_bytes`` / ranks, one behind the other."""
        hops = 2 * (ranks - 1)
        return hops * (self.latency_s + size_bytes / ranks / self.bytes_per_s)

    def gather_s(self, ranks: int, size_bytes: np.ndarray) -> np.ndarray:
        """[s] Ring: each rank gets what the others have of ``size_bytes``, or the sum over all of its part of them."""
        return (ranks - 1) * (self.latency_s + size_bytes / ranks / self.bytes_per_s)


def step_times(
    folder: Path, layers: int, hidden: int, ranks: int = 1, link: Interconnect | None = None, in_step: int = 1
) -> StepTimes:
    """Step times of a model of which one layer was measured.

    Parameters
    ----------
    folder : Path
        Of the model on a GPU: holds ``meta.yaml`` and ``tp1`` and the like.
    layers, hidden : int
        Layers of the model, and width of what passes between them.
    ranks : int
        Degree of tensor parallelism; more than 1 needs ``link``: two sums in each layer and one of the embedding pass
        over it, 2 bytes for each value.
    in_step : int
        Replicas over which experts are spread; more than 1 needs ``link``: in each layer tokens and what experts they
        want are gathered, and sums given back.
    """
    meta = yaml.safe_load((folder / "meta.yaml").read_text(encoding="utf-8"))
    files = folder / f"tp{ranks}"
    if not files.is_dir():
        raise ServingError(f"{folder}: no measurements with tensor parallelism {ranks}, found {_degrees(folder)}")
    dense = _dense(_read(files, "dense"), layers)
    if link is None and ranks * in_step > 1:
        raise ServingError(f"{files}: step times of several GPUs that exchange something need a link")
    if ranks > 1:
        dense = Curve(dense.at, dense.value_s + (2 * layers + 1) * link.all_reduce_s(ranks, 2.0 * hidden * dense.at))
    sampled = _read(files, "per_sequence").pivot_table(index="sequences", values="time_us", aggfunc="sum")["time_us"]
    axes, attention_us = _attention(_read(files, "attention"))
    return StepTimes(
        dense,
        Curve(sampled.index.to_numpy(float), US * sampled.to_numpy()),
        *axes,
        layers * US * attention_us,
        uneven=_uneven(files, meta.get("skew_fit") or {}, ranks),
        gathered=_experts(files, layers, hidden, ranks, in_step, link) if _has(files, "moe") else None,
    )


def _degrees(folder: Path) -> str:
    return ", ".join(sorted(path.name.removeprefix("tp") for path in folder.glob("tp*"))) or "none"


def _has(folder: Path, name: str) -> bool:
    return any((folder / f"{name}{end}").exists() for end in (".csv", ".csv.gz"))


def _read(folder: Path, name: str) -> pd.DataFrame:
    found = [path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.exists()]
    if not found:
        raise ServingError(f"{folder}: no {name}.csv")
    return pd.read_csv(found[0])


def _dense(table: pd.DataFrame, layers: int) -> Curve:
    """All dense layers of a step; those measured at other numbers of tokens are read between theirs."""
    tokens = np.unique(table["tokens"]).astype(float)
    total_us = np.zeros(len(tokens))
    for name, rows in table.sort_values("tokens").groupby("layer"):
        count = 1 if name in ONCE else 2 * layers if name in TWICE else layers
        total_us += count * np.interp(tokens, rows["tokens"], rows["time_us"])
    return Curve(tokens, US * total_us)


def _experts(files: Path, layers: int, hidden: int, ranks: int, in_step: int, link: Interconnect | None) -> Curve:
    """Experts of all layers by tokens of all replicas in step, with what is exchanged.

    Each token wants its experts at random: of E experts of a rank, of which a token wants k, T tokens want
    E (1 - (1 - k / E) ** T). The most that any row activates are E, the most of one token k. Where a degree of expert
    parallelism was not measured, a rank does its share of the tokens with all experts that they want.
    """
    table, spread = _read(files, "moe"), ranks * in_step
    measured = "ep" in table and (table["ep"] == spread).any()
    if "ep" in table:
        table = table[table["ep"] == (spread if measured else 1)]
    share = 1.0 if measured else 1.0 / spread
    grid = table.pivot_table(index="tokens", columns="activated_experts", values="time_us")
    tokens, active = grid.index.to_numpy(float), grid.columns.to_numpy(float)
    times = grid.to_numpy()
    for axis, at in ((0, tokens), (1, active)):
        times = np.apply_along_axis(_filled, axis, times, at)
    wanted = grid.columns[grid.iloc[0].notna()].max() / tokens[0] / active[-1]
    expected = active[-1] * (1.0 - (1.0 - wanted) ** (tokens / share)) * share
    took_s = US * np.array([np.interp(x, active, row) for x, row in zip(np.maximum(expected, active[0]), times)])
    of_all = tokens / share
    if in_step > 1:
        values = hidden + active[-1] * (spread if measured else 1)  # of a token: itself, and what it wants of each
        took_s = took_s + link.gather_s(in_step, 2.0 * values * of_all) + link.gather_s(in_step, 2.0 * hidden * of_all)
    return Curve(of_all, layers * took_s)


def _attention(table: pd.DataFrame) -> tuple[list[np.ndarray], np.ndarray]:
    """Axes and times [us] of one layer on a full grid: what was not measured lies on the line between neighbours.

    Several prompts in a step see less than one of the same length would: their tokens before come out negative. The
    line through the times with no tokens before and with half a chunk of them goes on below 0.
    """
    axes = [np.unique(table[name]).astype(float) for name in AXES]
    times = np.full([len(axis) for axis in axes], np.nan)
    at = tuple(np.searchsorted(axis, table[name]) for axis, name in zip(axes, AXES))
    times[at] = table["time_us"]
    times[0] = np.where(np.isnan(times[0]), times[0, :1], times[0])  # no prompt tokens: nothing is before them
    times[:, :, 0] = times[:, :, 0, :1]  # nobody decodes: no context
    times[0, :, 0] = 0.0
    for axis in (3, 1, 2, 0):
        times = np.apply_along_axis(_filled, axis, times, axes[axis])
    most = axes[0][-1] / 2
    below = [_below(times[i], axes[1], chunk / 2, most) for i, chunk in enumerate(axes[0])]
    axes[1] = np.r_[-most, axes[1]]
    return axes, np.concatenate([np.stack(below)[:, None], times], axis=1)


def _below(times: np.ndarray, before: np.ndarray, half: float, most: float) -> np.ndarray:
    """Times with ``-most`` tokens before, on the line through those with 0 and ``half``."""
    if half == 0.0:
        return times[0]
    at_half = np.apply_along_axis(lambda column: np.interp(half, before, column), 0, times)
    return times[0] - (at_half - times[0]) * most / half


def _filled(column: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Missing numbers of a column, if two are known: on the line between neighbours, or on through the last two."""
    known = np.flatnonzero(~np.isnan(column))
    if len(known) in (len(column), 0, 1):
        return column
    filled = np.interp(at, at[known], column[known])
    last, before = known[-1], known[-2]
    slope = (column[last] - column[before]) / (at[last] - at[before])
    filled[last + 1 :] = column[last] + slope * (at[last + 1 :] - at[last])
    return filled


def _uneven(folder: Path, fit: dict, ranks: int) -> Uneven | None:
    """The share by buckets; None where the publisher does not use it.

    Buckets without a measurement have the share of all. The chunk nearest on a logarithmic scale counts.
    """
    if not fit.get("enabled"):
        return None
    labels, table = fit["bucket_axes"], _read(folder, "skew_fit")
    chunks = np.unique(table["pc"])
    between = np.r_[0.0, np.sqrt(chunks[1:-1] * chunks[2:])] if len(chunks) > 1 else np.empty(0)
    names = ("n", "skew_rate", "kv_big", "kp")
    edges = [np.r_[between, np.inf], *(np.array(labels[f"{name}_bins"][1:], float) for name in names)]
    share = np.full([len(edge) for edge in edges], float(fit["per_tp"][ranks]["alpha_default"]))
    at = [np.searchsorted(chunks, table["pc"])]
    at += [table[f"{name}_label"].map(labels[f"{name}_labels"].index).to_numpy() for name in names]
    share[tuple(at)] = table["alpha"]
    return Uneven(tuple(edges), share)

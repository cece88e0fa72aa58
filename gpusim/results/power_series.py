"""The power of a site, and of each job there, from moment to moment: swings that a grid study asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim import gangs, phases, rng
from gpusim.course import progress_at
from gpusim.errors import ResultError, did_you_mean
from gpusim.results.jobs import classes_of, parts_of_runs
from gpusim.results.tables.record import Record
from gpusim.scenario.hardware import above_idle_w
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario

# What the GPUs of one job draw from moment to moment: its loading, steps of work, and checkpoints.
#
# The energy of a run up to a moment has a closed form, so that the mean over any sample, however short or long, is
# exact.

STEP_S = 2.0  # of training: assumption; runs of 16,384 GPUs and more take a few seconds
# Where a GPU goes back to work after a stall it draws more than its limit for a moment: an H100 with a limit of 700 W
# drew 134 W in stalls, 830 to 860 W for less than 0.2 s, then 690 W, at samples of 0.1 s (our measurement, 2026-11).
PEAK_OF_TDP, PEAK_S = 850.0 / 700.0, 0.1


@dataclass(frozen=True)
class WorkSteps:
    """What a job does, and what its GPUs draw above idle meanwhile, in all.

    Attributes
    ----------
    step_s, exchange_s : float
        [s] Length of a step, and of the exchange of data that ends it; 0: it draws the same throughout.
    work_w, exchange_w, write_w, peak_w : float
        [W] In work (its mean, the peak at its beginning counted in), exchange, checkpoint, and at the peak.
    load_s, interval_s, write_s : float
        [s] Loading before the first step; work between checkpoints; time that one stops it.
    """

    step_s: float
    exchange_s: float
    work_w: float
    exchange_w: float
    write_w: float
    peak_w: float
    load_s: float
    interval_s: float
    write_s: float

    def energy_j(self, progress_s: np.ndarray, shift_s: float) -> np.ndarray:
        """[J] above idle from the start of a run up to places of its course [s], at rate 1.

        The steps are ``shift_s`` ahead of their clock: jobs do not step together.
        """
        done = phases.done_at(progress_s, self.load_s, self.interval_s, self.write_s)
        work_j = self._stepped_j(done.work_s + shift_s) - self._stepped_j(np.array(shift_s))
        return done.loading_s * self.exchange_w + work_j + done.writing_s * self.write_w

    def _stepped_j(self, worked_s: np.ndarray) -> np.ndarray:
        """[J] of steps that follow one another for ``worked_s``."""
        if self.exchange_s <= 0.0:
            return worked_s * self.work_w
        steps, rest_s = np.divmod(worked_s, self.step_s)
        work_s = self.step_s - self.exchange_s
        peak_s = min(PEAK_S, work_s / 2.0)
        peak_j, whole_j = peak_s * max(self.peak_w, self.work_w), work_s * self.work_w
        edges_s = [0.0, peak_s, work_s, self.step_s]
        step_j = whole_j + self.exchange_s * self.exchange_w
        return steps * step_j + np.interp(rest_s, edges_s, [0.0, peak_j, whole_j, step_j])


# The power of a site from sample to sample, for a window of a run: swings that a grid study needs.

JOB_PHASES = ("compute_j", "communication_j", "checkpoint_j")
MOST_SAMPLES = 20_000_000


def power_series(
    result: Record,
    site: str,
    from_s: float,
    to_s: float,
    step_s: float = 0.05,
    work_step_s: float = STEP_S,
    serving_j: Callable[[np.ndarray], np.ndarray] | None = None,
) -> pd.DataFrame:
    """Mean power of a site in each sample of a window.

    Jobs load, work in steps of ``work_step_s`` whose end, the ``communication_share`` of their class, is exchange of
    data, and write checkpoints, each with the draw of its phase; all GPUs of a job in step, each job by its own clock.
    Each run of a job is where and when it was, one that was evicted too, and goes along its course at its rates: one
    that is slowed takes longer over its steps, one that is paused draws nothing. Over every record interval the energy
    is that of the run: ``scale`` is by how much the jobs' draw was multiplied for that: in the run a job draws its mean
    throughout, less while it is capped. Idle power is a mean of the record interval, as are cooling, other overhead,
    and what services draw beyond ``serving_j``; conversion losses follow the load.

    Parameters
    ----------
    site : str
    from_s, to_s : float
        [s] since the run's start.
    step_s : float
        [s] Length of a sample.
    work_step_s : float
        [s] Length of a step of the jobs' work.
    serving_j : callable, optional
        ``serving_j(at_s)``: [J] that services drew in their steps up to some moments, of each whole record interval no
        more than the run booked, as ``ReplayedPower.energy_j``; without it, they draw their mean throughout.

    Returns
    -------
    DataFrame
        time_s (begin of the sample), jobs_w (above idle), serving_w, idle_w, it_w, facility_w, scale.

    Raises
    ------
    ResultError
        If there is no such site, or no such window or sample.
    """
    power = _checked(result, site, from_s, to_s, step_s, work_step_s)
    samples = int(np.floor((to_s - from_s) / step_s + 1e-9))
    edges_s = from_s + step_s * np.arange(samples + 1)
    spans_s = np.append(power["start_s"], power["end_s"].iloc[-1])
    jobs_j, of_spans_j = _drawn_j(result, site, work_step_s, edges_s, spans_s)
    steps_j, rest_j = _served_j(power, serving_j, edges_s, spans_s)
    true_j = power[list(JOB_PHASES)].sum(axis=1).to_numpy()
    scale = np.divide(true_j, of_spans_j, out=np.ones(len(power)), where=of_spans_j > 0.0)
    row = np.minimum(np.searchsorted(spans_s, edges_s[:-1] + step_s / 2.0, side="right") - 1, len(power) - 1)
    span_s = np.diff(spans_s)[row]
    columns = {
        "time_s": edges_s[:-1],
        "jobs_w": jobs_j / step_s * scale[row],
        "serving_w": steps_j / step_s + rest_j[row] / span_s,
        "idle_w": power["idle_j"].to_numpy()[row] / span_s,
    }
    it_w = columns["jobs_w"] + columns["serving_w"] + columns["idle_w"]
    facility_w = _facility_w(result, site, power, row, it_w)
    return pd.DataFrame({**columns, "it_w": it_w, "facility_w": facility_w, "scale": scale[row]})


def _served_j(
    power: pd.DataFrame, serving_j: Callable[[np.ndarray], np.ndarray] | None, edges_s: np.ndarray, spans_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """[J] What services drew in their steps, in each sample; and what they drew beyond, in each record interval."""
    drawn_j = power["serving_j"].to_numpy()
    if serving_j is None:
        return np.zeros(len(edges_s) - 1), drawn_j
    return np.diff(serving_j(edges_s)), drawn_j - np.diff(serving_j(spans_s))


def _facility_w(result: Record, site: str, power: pd.DataFrame, row: np.ndarray, it_w: np.ndarray) -> np.ndarray:
    """[W] With overhead: conversion losses follow the load, the rest is the mean of the record interval, a ``row``."""
    loss = 1.0 + Scenario.from_dict(result.manifest["scenario"]).sites[site].cooling.losses.linear
    return loss * it_w + (power["facility_w"] - loss * power["it_w"]).to_numpy()[row]


def _drawn_j(
    result: Record, site: str, work_step_s: float, edges_s: np.ndarray, spans_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """[J] What the site's jobs draw above idle, by their steps, in each sample and in each record interval."""
    of_samples_j, of_spans_j = np.zeros(len(edges_s) - 1), np.zeros(len(spans_s) - 1)
    for part in _parts(result, site, spans_s[0], spans_s[-1], work_step_s):
        _add(of_samples_j, edges_s, part)
        _add(of_spans_j, spans_s, part)
    return of_samples_j, of_spans_j


@dataclass(frozen=True)
class _Part:
    """A part of a run at one rate: what it does, how far its steps are ahead, and the place where it begins."""

    begin_s: float
    end_s: float
    progress_s: float
    rate: float
    draw: float  # of what it draws at rate 1
    steps: WorkSteps
    shift_s: float

    def energy_j(self, at_s: np.ndarray) -> np.ndarray:
        """[J] above idle up to moments [s], but for a constant; one that is paused draws nothing."""
        at_s = np.clip(at_s, self.begin_s, self.end_s)
        progress_s = progress_at(at_s, self.progress_s, self.begin_s, self.rate)
        return self.steps.energy_j(progress_s, self.shift_s) * (self.draw / self.rate if self.rate > 0.0 else 0.0)


def _add(out_j: np.ndarray, at_s: np.ndarray, part: _Part) -> None:
    """Add what a part of a run draws above idle between each two of the moments ``at_s``."""
    first, last = max(int(np.searchsorted(at_s, part.begin_s)) - 1, 0), int(np.searchsorted(at_s, part.end_s))
    if last > first:
        out_j[first : min(last, len(out_j))] += np.diff(part.energy_j(at_s[first : last + 1]))


def _checked(result: Record, site: str, from_s: float, to_s: float, step_s: float, work_step_s: float) -> pd.DataFrame:
    """Rows of the table of power that the window is in."""
    sites, end_s = list(result.tables["sites"]["site"]), float(result.manifest["duration_s"])
    if site not in sites:
        raise ResultError(f"no site {site!r}{did_you_mean(site, sites)}; known: {', '.join(sites)}")
    if not 0.0 <= from_s < to_s <= end_s:
        raise ResultError(f"found a window from {from_s:g} to {to_s:g} s; give one within 0 to {end_s:g} s")
    if not 0.0 < step_s <= to_s - from_s or (to_s - from_s) / step_s > MOST_SAMPLES:
        raise ResultError(
            f"found samples of {step_s:g} s in a window of {to_s - from_s:g} s; give samples above 0 s, no longer than"
            f" the window, {MOST_SAMPLES:,} at most"
        )
    if not 0.0 < work_step_s < np.inf:
        raise ResultError(f"found training steps of {work_step_s:g} s; give more than 0")
    power = result.tables["power"]
    inside = (power["site"].astype(str) == site) & (power["end_s"] > from_s) & (power["start_s"] < to_s)
    return power[inside].sort_values("start_s", ignore_index=True)


def _parts(result: Record, site: str, from_s: float, to_s: float, work_step_s: float) -> Iterator[_Part]:
    """Parts of those runs of jobs at a site that reach into a window."""
    parts = parts_of_runs(result)
    parts = parts[parts["site"].astype(str) == site]
    parts = parts.assign(draw=_draws(result, parts))
    runs = parts.groupby(["job_id", "run"], sort=False, as_index=False)
    runs = runs.agg(most=("gpus", "max"), first_s=("start_s", "min"), last_s=("end_s", "max"))
    runs = runs[(runs["last_s"] > from_s) & (runs["first_s"] < to_s)]
    runs["ahead_s"] = work_step_s * rng.stream(int(result.manifest["seed"]), "power series", site).random(len(runs))
    jobs = result.tables["jobs"].set_index("job_id")
    class_of = classes_of(result)
    for part in parts.merge(runs[["job_id", "run", "most", "ahead_s"]], on=["job_id", "run"]).itertuples():
        gpu = result.manifest["gpus"][str(part.gpu_type)]
        kind = class_of(str(jobs["job_class"][part.job_id]), jobs["gpus"][part.job_id])
        steps = steps_of(kind, gpu, gangs.held_gpus(part.most, gpu["gpus_per_node"]), work_step_s)
        yield _Part(part.start_s, part.end_s, part.progress_s, part.rate, part.draw, steps, part.ahead_s)


def _draws(result: Record, parts: pd.DataFrame) -> pd.Series | float:
    """What parts of runs drew above idle, of the most that their run did in any."""
    if "power_w" not in parts:
        return 1.0
    idle_w = parts["gpu_type"].astype(str).map(lambda kind: result.manifest["gpus"][kind]["idle_w"]).astype(float)
    above_w = (parts["power_w"] - idle_w * parts["held_gpus"]).clip(lower=0.0)
    most_w = above_w.groupby([parts["job_id"], parts["run"]]).transform("max")
    return (above_w / most_w).where(most_w > 0.0).fillna(1.0)


def steps_of(kind: JobClass, gpu: Mapping[str, float], gpus: int, work_step_s: float = STEP_S) -> WorkSteps:
    """What a job of a class, whose interval between checkpoints is a number, does on ``gpus`` GPUs of a type."""

    def drawn_w(fraction: float) -> float:
        return gpus * above_idle_w(fraction, gpu["tdp_w"], gpu["idle_w"])

    return WorkSteps(
        work_step_s, kind.communication_share * work_step_s, drawn_w(gpu["compute_fraction"]),
        drawn_w(gpu["communication_fraction"]), drawn_w(gpu["checkpoint_fraction"]),
        drawn_w(PEAK_OF_TDP), kind.startup_s, float(kind.checkpoint_interval_s),
        kind.checkpoint_write_s,
    )  # fmt: skip

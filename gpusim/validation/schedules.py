"""Any schedule that a known simulator recorded beside ours: by its rule in plain Python, by ours, by our engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.engine.description import Rules
from gpusim.errors import TraceError, did_you_mean
from gpusim.state.codes import Backfill, Order, Placement
from gpusim.validation import plain_easy, plain_gavel, tiresias
from gpusim.validation.cases import play, work
from gpusim.validation.plain_gavel_shares import FirstCome, MaxMin
from gpusim.validation.recordings import Recording

ROUNDED_S = 0.006  # recorded times have two decimals at the least

Times = Callable[[Recording], pd.DataFrame]  # start_s and end_s of each job


class Rule(NamedTuple):
    """A policy of another simulator: by its rule and by ours in plain Python (None: not so), and by our engine."""

    theirs: Times | None
    plain: Times | None
    ours: Times | None
    difference: str = ""


class Verdict(NamedTuple):
    """Which jobs start and end as somebody else says, and whether all must."""

    what: str
    same: np.ndarray
    must: bool = True


def _from_starts(recording: Recording, start_s: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"start_s": start_s, "end_s": start_s + recording.jobs["runtime_s"].to_numpy()})


def _engine(rules: Rules, estimate: str = "estimate_s") -> Times:
    def times(recording: Recording) -> pd.DataFrame:
        jobs = recording.jobs
        submit_s, runtime_s, estimate_s = (jobs[name].to_numpy(float) for name in ("submit_s", "runtime_s", estimate))
        given = work(submit_s, runtime_s, jobs["num_gpus"].to_numpy(), estimate_s=estimate_s)
        fleet = play(given, [(recording.nodes, recording.size)], rules)
        return pd.DataFrame({"start_s": fleet.jobs["first_start_s"], "end_s": fleet.jobs["end_s"]})

    return times


def _easy(kept: plain_easy.Kept, spares_kept: bool) -> Times:
    return lambda recording: _from_starts(
        recording, plain_easy.easy(recording.jobs, recording.nodes, recording.size, kept, spares_kept)
    )


def _frozen(recording: Recording) -> pd.DataFrame:
    return _from_starts(recording, plain_easy.frozen(recording.jobs, recording.nodes, recording.size))


def _tiresias(policy: str) -> Rule:
    def jobs_of(recording: Recording) -> tuple[pd.DataFrame, int]:
        names = {"submit_s": "submit_time", "num_gpus": "num_gpu", "runtime_s": "duration"}
        return recording.jobs.rename(columns=names).reset_index(), recording.nodes * recording.size

    return Rule(
        lambda recording: tiresias.by_line(policy, *jobs_of(recording), theirs=True),
        lambda recording: tiresias.by_line(policy, *jobs_of(recording), theirs=False),
        lambda recording: tiresias.by_kernel(*jobs_of(recording), tiresias.rules_of(policy)),
        _LINES,
    )


def _gavel(shares: Callable[[], plain_gavel.Shares], **rules: bool) -> Times:
    def times(recording: Recording) -> pd.DataFrame:
        jobs = recording.jobs
        columns = (jobs[name].to_numpy() for name in ("num_gpus", "steps", "weight", "submit_s"))
        rate = jobs[list(plain_gavel.TYPES)].to_numpy()
        scheduler = plain_gavel.Gavel(rate, *columns, np.array(recording.capacity), shares(), **rules)
        return pd.DataFrame({"start_s": np.nan, "end_s": scheduler.play()})

    return times


_FIRST, _BEST = Placement.FIRST_FIT, Placement.BEST_FIT
_EASY = _engine(Rules(backfill=Backfill.EASY, placement=_FIRST))
_OWN_EASY = _easy(plain_easy.last_ready, spares_kept=True)
_KEPT = "for the head are kept the first nodes that have room at its shadow time, here those that are ready last"
_FROZEN = "the head waits for the shadow time reckoned when it was first blocked, and all others start while they fit"
_ROUNDS = (
    "a round lasts as long as its longest task and begins with all GPUs free; shares that are equally good are the"
    " solver's choice; FIFO has a place for each job on the last type alone"
)
_LINES = (
    "of equals who stood first stands first, here who runs; who falls to a queue stands behind those that wait there;"
    " service in GPU-seconds is looked at late; all waiting since the last promotion counts"
)
RULES: dict[str, dict[str, Rule]] = {
    "accasim": {
        "FIFO": Rule(None, None, _engine(Rules(placement=_FIRST))),
        "SJF": Rule(None, None, _engine(Rules(Order.SJF, placement=_FIRST))),
        "EASY": Rule(_frozen, _OWN_EASY, _EASY, _FROZEN),
    },
    "textbook": {
        "FIFO": Rule(None, None, _engine(Rules(placement=_FIRST))),
        "EASY": Rule(_easy(plain_easy.first_fit_at_shadow, spares_kept=False), _OWN_EASY, _EASY, _KEPT),
    },
    "lucid": {
        "fifo": Rule(None, None, _engine(Rules(placement=_BEST), "runtime_s")),
        "sjf": Rule(None, None, _engine(Rules(Order.SJF, placement=_BEST), "runtime_s")),
    },
    "tiresias": {
        policy: _tiresias(policy) for policy in (*tiresias.KEYS, "dlas", "dlas-gpu")
    },
    "gavel": {
        "fifo": Rule(_gavel(FirstCome, shuffled=True, only_with_shares=True), None, None, _ROUNDS),
        "max_min_fairness": Rule(_gavel(lambda: MaxMin(False), shuffled=True), None, None, _ROUNDS),
        "max_min_fairness_perf": Rule(_gavel(lambda: MaxMin(True)), None, None, _ROUNDS),
    },
}  # fmt: skip


def rule_of(simulator: str, policy: str) -> Rule:
    """What is known of a policy of another simulator.

    Raises
    ------
    TraceError
        Naming those that there are.
    """
    if simulator not in RULES:
        raise TraceError(f"no simulator {simulator!r}{did_you_mean(simulator, RULES)}; there are {', '.join(RULES)}")
    policies = RULES[simulator]
    if simulator == "tiresias" and re.fullmatch(r"dlas-gpu-[1-9]\d*", policy):
        return _tiresias(policy)  # with promotion
    if policy not in policies:
        known = (*policies, "dlas-gpu-K") if simulator == "tiresias" else policies
        raise TraceError(
            f"{simulator}: no policy {policy!r}{did_you_mean(policy, known)}; there are {', '.join(known)}"
        )
    return policies[policy]


def compare(recording: Recording) -> tuple[list[Verdict], pd.DataFrame]:
    """Which jobs start and end as recorded: by their rule, which explains all, and by our engine.

    Returns
    -------
    verdicts : list of Verdict
        Where their rule is ours, one. Else three: their rule in plain Python as recorded, our engine as our rule in
        plain Python, and our engine as recorded, which need not be.
    times : DataFrame
        By job: times recorded, and ``theirs``, ``ours`` beside them.
    """
    rule = rule_of(recording.simulator, recording.policy)
    verdicts, times = [], recording.recorded.copy()
    found = {
        name: None if rule_times is None else rule_times(recording).set_index(times.index)
        for name, rule_times in (("theirs", rule.theirs), ("plain", rule.plain), ("ours", rule.ours))
    }
    for name in ("theirs", "ours"):
        if found[name] is not None:
            times = times.join(found[name].add_prefix(f"{name}_"))
    recorded = recording.recorded
    if found["theirs"] is not None:
        verdicts.append(Verdict("by their rule in plain Python as recorded", _same(found["theirs"], recorded)))
    if found["plain"] is not None:
        verdicts.append(Verdict("by ours as our rule in plain Python", _same(found["ours"], found["plain"])))
    if found["ours"] is not None:
        verdicts.append(Verdict("by ours as recorded", _same(found["ours"], recorded), rule.theirs is None))
    return verdicts, times


def _same(found: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    """Jobs whose start and end are equal, where they are known."""
    off = (found - known).abs()
    return ((off <= ROUNDED_S) | known.isna()).to_numpy().all(axis=1)

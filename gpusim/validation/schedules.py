"""Any schedule that a known simulator recorded beside ours: by its rule in plain Python, by ours, by our engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.engine.description import Scheduling
from gpusim.errors import TraceError, did_you_mean
from gpusim.kernels.state.codes import Backfill, Placement
from gpusim.policies.gavel import Gavel
from gpusim.policies.policy import Policy
from gpusim.policies.queue_orders import Key, sjf
from gpusim.validation import gavel_fleet, plain_easy, plain_gavel, tiresias
from gpusim.validation.cases import play, work
from gpusim.validation.plain_gavel_shares import BY_NAME, FirstCome, MaxMin
from gpusim.validation.plain_in_turn import NodeChoice, in_turn
from gpusim.validation.recordings import Recording

ROUNDED_S = 0.006  # recorded times have two decimals at the least

Times = Callable[[Recording], pd.DataFrame]  # start_s and end_s of each job


class ComparedPolicy(NamedTuple):
    """A policy of another simulator: by its rule and by ours in plain Python (None: not so), and by our engine."""

    theirs: Times | None
    plain: Times | None
    ours: Times | None
    difference: str = ""
    matters: Callable[[Recording], bool] = lambda _recording: True  # whether theirs can differ on such jobs


class Verdict(NamedTuple):
    """Which jobs start and end as somebody else says, whether all must, and which package is lacking to tell."""

    what: str
    same: np.ndarray
    must: bool = True
    lacks: str = ""


def _from_starts(recording: Recording, start_s: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"start_s": start_s, "end_s": start_s + recording.jobs["runtime_s"].to_numpy()})


def _engine(rules: Scheduling, estimate: str = "estimate_s") -> Times:
    def times(recording: Recording) -> pd.DataFrame:
        jobs = recording.jobs
        submit_s, runtime_s, estimate_s = (jobs[name].to_numpy(float) for name in ("submit_s", "runtime_s", estimate))
        given = work(submit_s, runtime_s, jobs["num_gpus"].to_numpy(), estimate_s=estimate_s)
        fleet = play(given, [(recording.nodes, recording.size)], rules)
        return pd.DataFrame({"start_s": fleet.jobs["first_start_s"], "end_s": fleet.jobs["end_s"]})

    return times


def _plain(starts: Callable[[pd.DataFrame, int, int], np.ndarray]) -> Times:
    return lambda recording: _from_starts(recording, starts(recording.jobs, recording.nodes, recording.size))


def _accasim(key: Key | None, best_fit: bool) -> ComparedPolicy:
    """In turn; by best fit it takes one of the nodes with the least free GPUs by what it started before."""
    theirs, ours = (NodeChoice.SORTED_ON, NodeChoice.BEST) if best_fit else (NodeChoice.FIRST, NodeChoice.FIRST)
    return ComparedPolicy(
        _plain(partial(in_turn, rule=theirs, shortest=key is sjf, frees_late=True)),
        _plain(partial(in_turn, rule=ours, shortest=key is sjf)),
        _engine(Scheduling(key=key, placement=_BEST if best_fit else _FIRST)),
        f"{_TIES}; {_LATE}" if best_fit else _LATE,
        (lambda _recording: True) if best_fit else _have_no_length,
    )


def _have_no_length(recording: Recording) -> bool:
    return bool((recording.jobs["runtime_s"] == 0.0).any())


def _lucid(key: Key | None) -> ComparedPolicy:
    """In turn, by true run times."""

    def plain(rule: NodeChoice) -> Times:
        def times(recording: Recording) -> pd.DataFrame:
            jobs = recording.jobs.assign(estimate_s=recording.jobs["runtime_s"])
            return _from_starts(recording, in_turn(jobs, recording.nodes, recording.size, rule, shortest=key is sjf))

        return times

    return ComparedPolicy(
        plain(NodeChoice.IN_PART), plain(NodeChoice.BEST),
        _engine(Scheduling(key=key, placement=_BEST), "runtime_s"), _IN_PART,
        _share_their_last_node,
    )  # fmt: skip


def _share_their_last_node(recording: Recording) -> bool:
    gpus = recording.jobs["num_gpus"]
    return bool((gpus[gpus > recording.size] % recording.size).any())


def _tiresias(policy: str) -> ComparedPolicy:
    def jobs_of(recording: Recording) -> tuple[pd.DataFrame, int]:
        names = {"submit_s": "submit_time", "num_gpus": "num_gpu", "runtime_s": "duration"}
        jobs = recording.jobs.rename(columns=names).reset_index()
        jobs["duration"] = np.trunc(jobs["duration"])  # as it reads them
        return jobs, recording.nodes * recording.size

    return ComparedPolicy(
        lambda recording: tiresias.by_line(policy, *jobs_of(recording), theirs=True),
        lambda recording: tiresias.by_line(policy, *jobs_of(recording), theirs=False),
        lambda recording: tiresias.by_kernel(*jobs_of(recording), tiresias.rules_of(policy)),
        "; ".join(_differences(policy)),
    )


def _differences(policy: str) -> Iterator[str]:
    """In which of Tiresias's rules a policy of its own differs from ours; in none if nobody is stopped."""
    if policy in tiresias.KEYS:
        if policy not in tiresias.IN_TURN:
            yield "ties go to the earlier job, here to the running one"
        return
    yield "a job demoted to a queue goes behind those waiting there"
    if "gpu" in policy:
        yield "service in GPU-seconds is checked late"
    if tiresias.promotes(policy):
        yield "all waiting since the last promotion counts"


def _gavel_theirs(shares: Callable[[], plain_gavel.Shares], **rules: bool) -> Times:
    def times(recording: Recording) -> pd.DataFrame:
        jobs = recording.jobs
        columns = (jobs[name].to_numpy() for name in ("num_gpus", "steps", "weight", "submit_s"))
        rate = jobs[list(plain_gavel.TYPES)].to_numpy()
        scheduler = plain_gavel.GavelSimulator(rate, *columns, np.array(recording.capacity), shares(), **rules)
        return pd.DataFrame({"start_s": np.nan, "end_s": scheduler.play()})

    return times


def _in_rounds(play: Callable[..., np.ndarray], policy: Callable[[], Policy]) -> Times:
    """Our policy over types of GPU, asked as often as theirs is."""

    def times(recording: Recording) -> pd.DataFrame:
        jobs = recording.jobs
        columns = (jobs[name].to_numpy(float) for name in ("steps", "submit_s"))
        rate, gpus = jobs[list(plain_gavel.TYPES)].to_numpy(), jobs["num_gpus"].to_numpy()
        end_s = play(rate, gpus, *columns, np.array(recording.capacity), policy(), plain_gavel.ROUND_S)
        return pd.DataFrame({"start_s": np.nan, "end_s": end_s})

    return times


def _gavel(
    shares: Callable[[], plain_gavel.Shares], policy: Callable[[], Policy], shuffled: bool = False
) -> ComparedPolicy:
    plain, ours = (_in_rounds(play, policy) for play in (gavel_fleet.play_plainly, gavel_fleet.ends_s))
    return ComparedPolicy(_gavel_theirs(shares, shuffled=shuffled), plain, ours, _ROUNDS)


def _one_type(recording: Recording) -> pd.DataFrame:
    """FIFO on the type that Gavel's FIFO gives to all jobs, the last by name that the cluster has."""
    jobs = recording.jobs
    kind = [kind for kind in BY_NAME if recording.capacity[kind]][-1]
    runtime_s = (jobs["steps"] / jobs[plain_gavel.TYPES[kind]]).to_numpy()
    given = work(jobs["submit_s"].to_numpy(float), runtime_s, jobs["num_gpus"].to_numpy())
    return pd.DataFrame({"start_s": np.nan, "end_s": play(given, [(recording.capacity[kind], 1)]).jobs["end_s"]})


_FIRST, _BEST = Placement.FIRST_FIT, Placement.BEST_FIT
_EASY = _engine(Scheduling(backfill=Backfill.EASY, placement=_FIRST))
_OWN_EASY = _plain(plain_easy.own)
_KEPT = "the first nodes with room at the shadow time are reserved for the head, here the last to become ready"
_FROZEN = "the head waits for the shadow time computed when it was first blocked, and all others start while they fit"
_TIES = (
    "of nodes with equally many free GPUs the order is that left by the starts of this instant, here that of the nodes"
)
_LATE = "GPUs of a job of no length go to others when the next thing happens, here at once"
_IN_PART = "a job of more GPUs than a node has shares its last node with others, here it has whole nodes"
_ROUNDS = (
    "a round lasts as long as its longest task and starts with all GPUs free, here rounds come at fixed times; shares"
    " that are equally good depend on the solver; without throughputs theirs draws the order of types in each round"
)
_PLACES = (
    "FIFO gives jobs slots only on the last type by name, and loses a slot that the head does not fit; a round lasts as"
    " long as its longest task, here the next job starts when GPUs come free"
)
RULES: dict[str, dict[str, ComparedPolicy]] = {
    "accasim": {
        "FIFO": _accasim(None, best_fit=False),
        "SJF": _accasim(sjf, best_fit=False),
        "FIFO-BF": _accasim(None, best_fit=True),
        "SJF-BF": _accasim(sjf, best_fit=True),
        "EASY": ComparedPolicy(_plain(plain_easy.frozen), _OWN_EASY, _EASY, f"{_FROZEN}; {_LATE}"),
    },
    "textbook": {
        "FIFO": ComparedPolicy(None, None, _engine(Scheduling(placement=_FIRST))),
        "EASY": ComparedPolicy(_plain(plain_easy.textbook), _OWN_EASY, _EASY, _KEPT),
    },
    "lucid": {
        "fifo": _lucid(None),
        "sjf": _lucid(sjf),
    },
    "tiresias": {
        policy: _tiresias(policy) for policy in (*tiresias.KEYS, "dlas", "dlas-gpu")
    },
    "gavel": {
        "fifo": ComparedPolicy(
            _gavel_theirs(FirstCome, shuffled=True, only_with_shares=True), None, _one_type, _PLACES
        ),
        "max_min_fairness": _gavel(lambda: MaxMin(False), lambda: Gavel(aware=False), shuffled=True),
        "max_min_fairness_perf": _gavel(lambda: MaxMin(True), Gavel),
    },
}  # fmt: skip


def rule_of(simulator: str, policy: str) -> ComparedPolicy:
    """What is known of a policy of another simulator.

    Raises
    ------
    TraceError
        Naming those that there are.
    """
    if simulator not in RULES:
        raise TraceError(f"no simulator {simulator!r}{did_you_mean(simulator, RULES)}; known: {', '.join(RULES)}")
    policies = RULES[simulator]
    if simulator == "tiresias" and re.fullmatch(r"dlas-gpu-[1-9]\d*", policy):
        return _tiresias(policy)  # with promotion
    if policy not in policies:
        known = (*policies, "dlas-gpu-K") if simulator == "tiresias" else policies
        raise TraceError(f"{simulator}: no policy {policy!r}{did_you_mean(policy, known)}; known: {', '.join(known)}")
    return policies[policy]


def rule_for(recording: Recording) -> ComparedPolicy:
    """The same for a recording: ours alone where theirs cannot differ on such jobs."""
    rule = rule_of(recording.simulator, recording.policy)
    return rule if rule.matters(recording) else ComparedPolicy(None, None, rule.ours)


def compare(recording: Recording) -> tuple[list[Verdict], pd.DataFrame]:
    """Which jobs start and end as recorded: by their rule, which explains all, and by our engine.

    Jobs without a recorded end are scheduled and not compared.

    Returns
    -------
    verdicts : list of Verdict
        Where their rule is ours, one. Else up to three: their rule in plain Python as recorded, our engine as our rule
        in plain Python, and our engine as recorded, which need not be.
    times : DataFrame
        By job: times recorded, and ``theirs``, ``ours`` beside them.
    """
    rule = rule_for(recording)
    known = recording.recorded["end_s"].notna()
    verdicts, recorded = [], recording.recorded[known]
    times = recorded.copy()
    found, lacks = {}, ""
    for name, rule_times in (("theirs", rule.theirs), ("plain", rule.plain), ("ours", rule.ours)):
        try:
            found[name] = None if rule_times is None else rule_times(recording).set_index(known.index)[known]
        except ImportError as error:  # of their solver
            found[name], lacks = None, str(error.name)
    for name in ("theirs", "ours"):
        if found[name] is not None:
            times = times.join(found[name].add_prefix(f"{name}_"))
    if rule.theirs is not None:
        same = np.zeros(len(times), bool) if lacks else _same(found["theirs"], recorded)
        verdicts.append(Verdict("by their rule in plain Python as recorded", same, True, lacks))
    if found["plain"] is not None:
        verdicts.append(Verdict("by ours as our rule in plain Python", _same(found["ours"], found["plain"])))
    if found["ours"] is not None:
        verdicts.append(Verdict("by ours as recorded", _same(found["ours"], recorded), rule.theirs is None))
    return verdicts, times


def first_failed(verdicts: list[Verdict]) -> Verdict | None:
    """The first of those that must hold and was found not to."""
    return next((one for one in verdicts if one.must and not one.lacks and not one.same.all()), None)


def mean_completion_s(recording: Recording, times: pd.DataFrame) -> dict[str, float]:
    """[s] Mean time from submission to end of the jobs compared: ``recorded``, ``ours``, where known ``theirs``."""
    submit_s = recording.jobs["submit_s"].reindex(times.index)
    columns = {"recorded": "end_s", "theirs": "theirs_end_s", "ours": "ours_end_s"}
    return {who: float((times[name] - submit_s).mean()) for who, name in columns.items() if name in times}


def _same(found: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    """Jobs whose start and end are equal, where they are known."""
    off = (found - known).abs()
    return ((off <= ROUNDED_S) | known.isna()).to_numpy().all(axis=1)

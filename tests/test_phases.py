"""The course of a run and its phases: against a walk stage by stage, in whole runs, and no second copy of them."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import numpy as np
import pytest

import gpusim
from gpusim import course, phases
from gpusim.engine import runs
from gpusim.engine.description import ClassSpec
from gpusim.kernels.state.codes import Cause, Status
from gpusim.report.timeline import export
from gpusim.results.conservation import check
from gpusim.units import DAY_S
from tests.engine.one_site import one_site
from tests.engine.test_shared_storage import jobs, writing
from tests.reference import times

PACKAGE = Path(__file__).parents[1] / "gpusim"
SEEDS = range(60)


def kind_of(random: np.random.Generator) -> ClassSpec:
    """Times of a class; some keep all of their work, or nothing of it."""
    interval_s = float(random.choice([0.0, math.inf, *random.uniform(5.0, 60.0, 6)]))
    return ClassSpec(
        checkpoint_interval_s=interval_s, load_s=float(random.choice([0.0, 17.0])),
        checkpoint_write_s=float(random.choice([0.0, 3.5])), checkpoint_background_s=float(random.choice([0.0, 4.0])),
    )  # fmt: skip


def arguments(kind: ClassSpec) -> tuple[float, float, float]:
    return kind.load_s, kind.checkpoint_interval_s, kind.checkpoint_write_s


@pytest.mark.parametrize("seed", SEEDS)
def test_checkpoints_are_where_a_walk_finds_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    kind, work_s = kind_of(random), float(random.uniform(0.0, 400.0))
    places = times.checkpoint_places(work_s, kind)
    assert course.n_checkpoints(work_s, kind.checkpoint_interval_s) == len(places)
    for k, (through_s, counts_s) in enumerate(places, start=1):
        assert course.through_s(k, *arguments(kind)) == pytest.approx(through_s)
        for progress_s, n in ((counts_s - 1e-3, k - 1), (counts_s + 1e-3, k)):
            worked_s = progress_s - kind.load_s
            found = course.n_counting(worked_s, *arguments(kind)[1:], kind.checkpoint_background_s)
            assert found == n or kind.checkpoint_background_s > kind.checkpoint_interval_s


@pytest.mark.parametrize("seed", SEEDS)
def test_phases_are_those_of_a_walk(seed: int) -> None:
    """A run at rates that change, with pauses, up to a cut: what it did when, and what it kept."""
    random = np.random.default_rng(1000 + seed)
    kind, n = kind_of(random), int(random.integers(1, 7))
    rates = random.choice([0.0, 0.3, 1.0, 1.0, 1.7], n)
    edges_s = np.cumsum(np.append(random.uniform(0.0, 1e4), random.uniform(1.0, 90.0, n)))
    start_s, end_s = edges_s[:-1], edges_s[1:]
    ends_s = np.cumsum(rates * (end_s - start_s))
    progress_s, length_s = np.append(0.0, ends_s[:-1]), float(ends_s[-1])
    work_s = 1e4
    kept_s = float(phases.kept_at(length_s, *arguments(kind), kind.checkpoint_background_s))
    by_walk_s = min(length_s, kind.load_s) if kind.checkpoint_interval_s else length_s
    if kind.checkpoint_interval_s:
        through_s = [one for one, counts_s in times.checkpoint_places(work_s, kind) if counts_s <= length_s]
        by_walk_s = max(through_s, default=by_walk_s)
    assert kept_s == pytest.approx(by_walk_s)

    before, load_s = int(random.integers(2)), np.full(n, kind.load_s)
    spans = phases.split(np.full(n, before), start_s, end_s, progress_s, rates, load_s, np.full(n, kept_s))
    walked = times.walk(work_s, kind, list(zip(start_s, end_s, rates, strict=True)), kept_s)
    names = {times.LOADING: phases.RESTARTING if before else phases.LOADING, times.LOST: phases.LOST}
    expected = {name: np.zeros(n) for name in spans}
    for what, piece, from_s, to_s in walked:
        expected[names.get(what, phases.WORK)][piece] += to_s - from_s
    for name, (from_s, to_s) in spans.items():
        assert to_s - from_s == pytest.approx(expected[name], abs=1e-5), name
    done = phases.done_at(ends_s, *arguments(kind))
    for of, what in ((done.loading_s, (times.LOADING,)), (done.writing_s, (times.WRITING,))):
        moved = [sum(rates[i] * (b - a) for w, i, a, b in times.walk(work_s, kind, _pieces(start_s, end_s, rates),
                 math.inf) if w in what and i <= last) for last in range(n)]  # fmt: skip
        assert of == pytest.approx(np.array(moved), abs=1e-5)
    assert sum(done) == pytest.approx(ends_s)


def _pieces(*columns: np.ndarray) -> list[tuple[float, float, float]]:
    return list(zip(*columns, strict=True))


HIDDEN = {"of": "node", "per_1000_days": 400.0, "repair": {"fast": 1.0}, "found_after_h": 6.0}
OUTAGE = {"of": "node", "per_1000_days": 900.0, "repair": {"fast": 1.0}}
FAILURES = {"causes": {"hidden": HIDDEN, "outage": OUTAGE}, "repairs": {"fast": {"mean_h": 0.5}}}
CLASS = {"checkpoint_interval_s": 900.0, "checkpoint_write_s": 20.0, "load_s": 120.0, "checkpoint_background_s": 30.0}


@pytest.fixture(scope="module")
def spoilt() -> gpusim.Result:
    """Two days with failures, work that is spoilt, and rates that change."""

    def change(env):
        random = np.random.default_rng(5)
        while True:
            yield env.at(env.now + 1800.0)
            running = np.flatnonzero(env.fleet.jobs["status"] == Status.RUNNING)
            for job in random.permutation(running)[:5].tolist():
                if env.fleet.jobs["status"][job] == Status.RUNNING:
                    env.set_job_rate(job, float(random.choice([0.0, 0.5, 1.0, 1.25])))

    changes = {"failures": FAILURES, "workload.classes.train": CLASS}
    return gpusim.run(one_site("phases", 2.0, {}, grid_mw=1.0).with_(changes), seed=2, processes=[change])


def test_phases_add_up_to_what_the_ledger_books(spoilt: gpusim.Result) -> None:
    """Time in each, at up to rate 1, and each job's lost work, where faults had spoilt some of it too."""
    assert check(spoilt) == []
    found = spoilt.phases()
    gpu_s = found["gpus"] * found["rate"].clip(upper=1.0) * (found["end_s"] - found["start_s"])
    booked = spoilt.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    for phase, cause in ((phases.LOADING, "loading"), (phases.RESTARTING, "restarting"), (phases.LOST, "lost_work")):
        assert gpu_s[found["phase"] == phase].sum() == pytest.approx(booked[cause], rel=1e-6), phase
    lost = gpu_s[found["phase"] == phases.LOST].groupby(found["job_id"]).sum()
    jobs = spoilt.jobs.set_index("job_id")
    assert lost.reindex(jobs.index, fill_value=0.0).to_numpy() == pytest.approx(jobs["lost_gpu_s"].to_numpy(), abs=1e-3)
    assert len(spoilt.job_kept) > 0
    assert (found["rate"] == 0.0).any()


@pytest.mark.parametrize("stops", [True, False])
def test_phases_where_jobs_share_storage(stops: bool) -> None:
    """Ten jobs write in step, and a failure cuts all: what is kept is what storage has, in each job's phases too."""
    outage = {"of": "site", "per_1000_days": 6000.0, "repair": {"fast": 1.0}}
    failures = {"causes": {"outage": outage}, "repairs": {"fast": {"mean_h": 1.0, "sigma": 0.0}}}
    result = gpusim.run(writing((stops, stops), failures=failures), 3, jobs=jobs([0.0] * 10, 2.0 * DAY_S))
    found = result.phases()
    gpu_s = found["gpus"] * (found["end_s"] - found["start_s"])
    lost = gpu_s[found["phase"] == phases.LOST].groupby(found["job_id"]).sum()
    told = result.jobs.set_index("job_id")["lost_gpu_s"]
    assert told.min() > 0.0
    assert lost.to_numpy() == pytest.approx(told.to_numpy(), rel=1e-9)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    for phase in (phases.LOADING, phases.RESTARTING):
        assert gpu_s[found["phase"] == phase].sum() == pytest.approx(booked[phase], rel=1e-9), phase
    assert ("job_kept" in result.tables) == (not stops)


def test_a_phase_more(spoilt: gpusim.Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Warming up, the first minute of work after loading: two files know of it, and ledger, table and trace have it."""
    split = phases.split

    def with_warm_up(runs_before, start_s, end_s, progress_s, rate, load_s, kept_s):
        found = split(runs_before, start_s, end_s, progress_s, rate, load_s, kept_s)
        from_s, to_s = found[phases.WORK]
        warm_s = np.clip(phases.passed_s(load_s + 60.0, start_s, end_s, progress_s, rate), from_s, to_s)
        return {**found, phases.WORK: (warm_s, to_s), "warm-up": (from_s, warm_s)}

    monkeypatch.setattr(phases, "split", with_warm_up)
    monkeypatch.setitem(runs.BOOKED, "warm-up", Cause.RESTARTING)
    one = one_site("warm", 0.5, {}, grid_mw=1.0).with_({"workload.classes.train": CLASS})
    result = gpusim.run(one, seed=2)
    found = result.phases()
    warm = found[found["phase"] == "warm-up"]
    assert (warm["end_s"] - warm["start_s"]).max() == pytest.approx(60.0)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["restarting"] == pytest.approx((warm["gpus"] * (warm["end_s"] - warm["start_s"])).sum())
    assert check(result) == []
    export(result, tmp_path / "trace.json", days=0.5)
    names = {event["name"] for event in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]}
    assert {"loading", "warm-up", "work"} <= names


# Nobody else reckons with a course (activities of build-outs have draws of their own). Files that read the times of a
# class, and why they may.
OF_A_CLASS = {"checkpoint_interval_s", "checkpoint_write_s", "checkpoint_background_s"}
READERS = {
    "kernels/course.py": "applies the arithmetic to jobs",
    "engine/job_tables.py": "hands them to kept_at, as columns of classes",
    "results/jobs.py": "hands them to kept_at, of classes as they ran",
    "results/power_series.py": "hands them to done_at",
    "results/effective.py": "hands them to the expected effective time",
    "kernels/state/jobs.py": "the record's columns",
    "engine/layout/jobs.py": "fills the columns",
    "engine/build.py": "fills the engine's classes",
    "engine/storage.py": "how often checkpoints load storage, before a run",
    "scenario/job_class.py": "their keys, and what goes together",
    "scenario/checkpoints.py": "the best interval, and the effective time that is expected",
    "studies/relief/constraints.py": "scales the keys",
    "validation/power.py": "a scenario", "validation/acme.py": "a scenario", "validation/curtailment.py": "a scenario",
    "validation/failures.py": "scenarios",
}  # fmt: skip
OF_A_RUN = {"own_draw", "storage_until_s"}  # of which rates are made
PACED = {
    "kernels/course.py": "makes the rate of a run of them",
    "kernels/pace.py": "makes the rate of a pool", "engine/layout/capacity.py": "sets those of pools to 1",
    "kernels/state/jobs.py": "the record's columns", "kernels/state/capacity.py": "the columns of pools",
}  # fmt: skip


def read_in(path: Path, names: set[str]) -> bool:
    """Whether a file reads an attribute or a column with one of the names; giving it a value is not reading."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in names and isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Constant) and node.value in names:
            return True
    return False


@pytest.mark.parametrize(("names", "allowed"), [(OF_A_CLASS, set(READERS)), (OF_A_RUN, set(PACED))])
def test_no_second_copy(names: set[str], allowed: set[str]) -> None:
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    assert {
        name for name, path in files.items() if read_in(path, names) and not name.startswith("buildout/")
    } == allowed


def test_a_second_copy_is_found(tmp_path: Path) -> None:
    file = tmp_path / "copy.py"
    file.write_text("def until_s(kind, k):\n    return k * (kind.checkpoint_interval_s + kind.checkpoint_write_s)\n")
    assert read_in(file, OF_A_CLASS)
    file.write_text("def start(pace):\n    pace.own_rate = 1.0\n")
    assert not read_in(file, OF_A_RUN)

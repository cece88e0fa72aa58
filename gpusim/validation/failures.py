"""Failures: how often jobs of a size are interrupted, what checkpoints leave of their time, how many nodes are down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.run import run
from gpusim.inputs.failures import draw_failures
from gpusim.inputs.jobtable import JobTable
from gpusim.results.effective import effective_times
from gpusim.results.tables.record import Record
from gpusim.scenario.checkpoints import daly_s, effective_time
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED

RSC1, RSC2, LLAMA3 = 6.50, 2.34, 3.789  # failures in 1,000 node-days: arXiv 2410.21680, 2407.21783
OF_GPUS = ("faulty_gpu", "hbm", "gpu_sram", "gpu_processor", "silent_corruption", "thermal")
AT_ONCE = {"repair": {"reset": 1.0}, "of": "node"}


def long_run(gpus: int, days: float, failures: dict, spare_nodes: int = 0, **kind: object) -> Scenario:
    """One job of that many H100 on their nodes, that never ends; ``kind`` are keys of its class."""
    site = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1000.0, "price_usd_per_mwh": 50.0,
        "carbon_g_per_kwh": 400.0, "pools": {"H100": {"gpus": float(gpus + 8 * spare_nodes)}},
    }  # fmt: skip
    return Scenario.from_dict(
        {
            "name": "a long run",
            "run": {"start": "2026-01-01", "days": days, "record_s": days * DAY_S, "signal_s": days * DAY_S},
            "sites": {"site": site}, "tenants": {"lab": {}}, "workload": {"classes": {"pretraining": kind}},
            "failures": failures,
        }
    )  # fmt: skip


def play(scenario: Scenario, gpus: int, seed: int) -> Record:
    """The run of that job."""
    names = {"tenant": ["lab"], "job_class": ["pretraining"]}
    jobs = JobTable.build(names=names, submit_s=[0.0], gpus=gpus, runtime_s=2.0 * scenario.run.days * DAY_S)
    return run(scenario, seed, jobs=jobs)


def _at_once(per_1000_days: float, **more: object) -> dict:
    """Failures of nodes that are back at once."""
    cause = AT_ONCE | {"per_1000_days": per_1000_days} | more
    return {"causes": {"any": cause}, "repairs": {"reset": {"mean_h": 0.0}}}


def time_to_failure(effort: Effort, of: str = "node") -> Iterator[Row]:
    """19: a job is interrupted once in 1 / (its nodes x their rate), whatever its size."""
    for name, rate, hours in (
        ("RSC-1", RSC1, {1024: 28.846, 4096: 7.212, 16_384: 1.8029, 131_072: 0.22536}),
        ("RSC-2", RSC2, {1024: 80.128, 4096: 20.032, 16_384: 5.0080, 131_072: 0.6260}),
    ):
        for gpus, expected_h in hours.items():
            wanted = effort.size(1, 2_000)
            scenario = long_run(gpus, wanted * expected_h / 24.0, _at_once(rate, of=of))
            found = len(play(scenario, gpus, SEED + gpus).tables["interruptions"])
            ours_h = scenario.run.days * 24.0 / max(found, 1)
            yield Row(19, f"{name}, {gpus:,} GPUs: hours to a failure", expected_h, ours_h, effort.widen(0.07))


def causes_of_interruptions(effort: Effort, factor: float = 1.0) -> Iterator[Row]:
    """20: 54 days on 16,384 H100 have 419 interruptions (SD 20.5), by the causes of the Llama 3 run."""
    runs = effort.runs(200)
    scenario = long_run(16_384, 54.0, {"mix": "llama3", "factor": factor})
    names = np.array(list(scenario.failures.causes))
    drawn = [draw_failures(scenario, 54.0 * DAY_S, seed) for seed in range(runs)]
    counts = np.array([len(one.time_s) for one in drawn])
    yield Row(20, "interruptions in 54 days", 419.0, counts.mean(), effort.widen(0.0105))
    yield Row(20, "interruptions in 54 days: SD", 20.5, counts.std(ddof=1), effort.widen(0.15))
    cause = names[np.concatenate([one.cause for one in drawn])]
    for what, causes, share in (
        ("GPUs", OF_GPUS, 268 / 419), ("faulty GPUs", ("faulty_gpu",), 148 / 419), ("memory", ("hbm",), 72 / 419),
        ("software", ("software",), 54 / 419), ("network", ("switch_or_cable",), 35 / 419),
    ):  # fmt: skip
        ours = np.isin(cause, causes).mean()
        yield Row(20, f"share of {what}", share, ours, effort.widen(0.01) / share)


def effective_training_time(effort: Effort, load_s: float = 300.0, every: float = 1.0) -> Iterator[Row]:
    """21: 16,384 GPUs at the rates of Meta's clusters, restarts of 300 s: exact, and above the first-order bound."""
    for name, rate, expected in (
        ("RSC-1", RSC1, {60: 0.7144, 30: 0.8285, 15: 0.8902, 5: 0.9329}),
        ("RSC-2", RSC2, {60: 0.8886, 30: 0.9352, 15: 0.9592, 5: 0.9753}),
    ):
        mttf_s = 1000.0 * DAY_S / rate / 2048
        for minutes, share in expected.items():
            ours = _simulated(
                effort, mttf_s, {"checkpoint_interval_s": every * 60.0 * minutes, "load_s": load_s}, minutes
            )
            yield Row(21, f"{name}, every {minutes} min: effective time", share, ours, effort.widen(0.01))
            bound = 1.0 - (300.0 + 30.0 * minutes) / mttf_s
            short = max(bound - ours, 0.0)
            yield Row(21, f"{name}, every {minutes} min: below the bound", 0.0, short, effort.widen(0.005))


def _simulated(effort: Effort, mttf_s: float, kind: dict, number: int) -> float:
    """Effective time of a job on 16 nodes that fails as often as one on more."""
    failures = _at_once(1000.0 * DAY_S / mttf_s / 16)
    days = effort.size(1, 6_000) * mttf_s / DAY_S
    result = play(long_run(128, days, failures, **kind), 128, SEED + number)
    return float(effective_times(result)["ettr"].iloc[0])


def best_interval(effort: Effort) -> Iterator[Row]:
    """22: checkpoints of 60 s, a failure in 11,134 s: Daly's interval, and the time that any interval leaves."""
    mttf_s = 11_134.0
    yield Row(22, "Daly's interval, writes of 60 s [s]", 1116.2, daly_s(60.0, mttf_s), 1e-4)
    yield Row(22, "Daly's interval, writes of 10 s [s]", 465.3, daly_s(10.0, mttf_s), 2e-4)
    yield Row(22, "Daly's interval, writes of 300 s, a failure in 6,490.4 s [s]", 1778.0, daly_s(300.0, 6490.4), 5e-4)
    grid = np.arange(300.0, 4000.0, 1.0)
    best_s = grid[np.argmax([effective_time(one, 60.0, 0.0, 300.0, mttf_s) for one in grid])]
    yield Row(22, "Daly's interval over the best one", 1.0, daly_s(60.0, mttf_s) / best_s, 0.15)
    shares = {"young_daly": 0.87583, 1800.0: 0.86552, 3600.0: 0.80869}
    for number, (every_s, share) in enumerate(shares.items()):
        kind = {"checkpoint_interval_s": every_s, "checkpoint_write_s": 60.0, "load_s": 300.0}
        ours = _simulated(effort, mttf_s, kind, number)
        yield Row(22, f"checkpoints by {every_s}: effective time", share, ours, effort.widen(0.01))
    yield Row(22, "checkpoints every 465.3 s of 10 s", 0.93274, effective_time(465.3, 10.0, 0.0, 300.0, mttf_s), 1e-4)


def llama3(effort: Effort) -> Iterator[Row]:
    """23: the Llama 3 run, with spare nodes: interrupted 419 times, over 90% of its time effective."""
    runs = effort.runs(8)
    for minutes, expected in ((10, 0.9474), (30, 0.8969)):
        kind = {"checkpoint_interval_s": 60.0 * minutes, "load_s": 300.0}
        scenario = long_run(16_384, 54.0, {"mix": "llama3"}, spare_nodes=64, **kind)
        found = [effective_times(play(scenario, 16_384, seed)).iloc[0] for seed in range(runs)]
        ours = np.mean([one["ettr"] for one in found])
        yield Row(23, f"every {minutes} min: effective time", expected, ours, effort.widen(0.004))
        count = np.mean([one["interruptions"] for one in found])
        yield Row(23, f"every {minutes} min: interruptions", 419.0, count, effort.widen(0.052))
        if minutes == 10:
            yield Row(23, "effective time short of the published 90%", 0.0, max(0.9 - ours, 0.0), 0.0)


def llama3_gpu_hours(effort: Effort, mix: str | None = "llama3") -> Iterator[Row]:
    """24: the Llama 3 run: days and GPU-hours that its arithmetic takes at the published rate, and what Meta reports.

    Arithmetic of 6 x parameters x tokens leaves out attention, and the report counts what interrupts the run.
    """
    parameters, tokens, gpus, flop_per_s = 405e9, 15.6e12, 16_384, 400e12
    plain_s = 6.0 * parameters * tokens / (gpus * flop_per_s)
    yield Row(24, "days without an interruption", 66.95, plain_s / DAY_S, 1e-4)
    yield Row(24, "million GPU-hours then", 26.33, gpus * plain_s / 3600e6, 1e-3)
    layers, width, context = 126, 16_384, 8_192
    attention = layers * width * context / parameters  # over 6 x parameters: a token looks at half of the context
    kind = {"checkpoint_interval_s": 600.0, "load_s": 300.0}
    scenario = long_run(gpus, 100.0, {"mix": mix} if mix else {}, spare_nodes=64, **kind)
    names = {"tenant": ["lab"], "job_class": ["pretraining"]}
    table = JobTable.build(names=names, submit_s=[0.0], gpus=gpus, runtime_s=(1.0 + attention) * plain_s)
    held = [run(scenario, seed, jobs=table).tables["jobs"]["held_gpu_s"].sum() for seed in range(effort.runs(4))]
    yield Row(24, "million GPU-hours with attention and failures", 30.84, float(np.mean(held)) / 3600e6, 0.07)


def nodes_down(effort: Effort, sigma: float = 1.0, success: float = 0.7) -> Iterator[Row]:
    """25: 2,048 nodes, repairs of any law: nodes down are Poisson, so are the spares that suffice. Where repairs fail,
    and tests find some of these, each fault costs as many repairs and tests as it takes to put it right.
    """
    days = effort.size(1, 2_000)
    for mean_h, mean, nearly, always in ((4.0, 1.29, 5, 6), (24.0, 7.76, 15, 18), (48.0, 15.52, 25, 29)):
        failures = {
            "causes": {"any": {"of": "node", "per_1000_days": LLAMA3, "repair": {"swap": 1.0}}},
            "repairs": {"swap": {"mean_h": mean_h, "sigma": sigma}},
        }
        result = run(long_run(16_384, float(days), failures), SEED, jobs=JobTable.build(submit_s=[]))
        ledger = result.tables["ledger"]
        down = ledger.loc[ledger["cause"] == "down", "gpu_s"].sum() / (days * DAY_S) / 8
        yield Row(25, f"repairs of {mean_h:g} h: nodes down", mean, down, effort.widen(0.045))
        for share, spares in ((0.99, nearly), (0.999, always)):
            ours = _quantile(result, days * DAY_S, share)
            yield Row(
                25, f"repairs of {mean_h:g} h: down, {share:.1%} of time", spares, ours, effort.widen(1.0) / spares
            )

    poor = {
        "causes": {"any": {"of": "node", "per_1000_days": LLAMA3, "repair": {"swap": 1.0}}},
        "repairs": {"swap": {"mean_h": 24.0, "sigma": sigma, "success": success}}, "check_h": 6.0, "check_finds": 0.8,
    }  # fmt: skip
    result = run(long_run(16_384, float(days), poor), SEED, jobs=JobTable.build(submit_s=[]))
    ledger = result.tables["ledger"]
    down = ledger.loc[ledger["cause"] == "down", "gpu_s"].sum() / (days * DAY_S) / 8
    yield Row(25, "repairs of 24 h, 30% of which fail, and tests of 6 h: nodes down", 13.86, down, effort.widen(0.045))


def _quantile(result: Record, duration_s: float, share: float) -> float:
    """Fewest nodes that no more than so many are down for a share of the time."""
    failures = result.tables["failures"]
    begin_s = failures["time_s"].to_numpy()
    edge_s = np.concatenate([begin_s, np.minimum(begin_s + failures["repair_s"].to_numpy(), duration_s)])
    order = np.argsort(edge_s, kind="stable")
    down = np.cumsum(np.repeat([1, -1], len(begin_s))[order])
    span_s = np.diff(np.append(edge_s[order], duration_s))
    first_s = edge_s[order][0] if len(order) else duration_s
    time_s = np.bincount(np.append(down, 0), weights=np.append(span_s, first_s))
    return float(np.searchsorted(np.cumsum(time_s) / duration_s, share))

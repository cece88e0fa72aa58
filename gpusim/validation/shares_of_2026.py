"""What the default fleet is used for, as measured in a run: the shares of inference, research and planned training."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.causes import CAUSES, Kind
from gpusim.engine.run import run
from gpusim.results.tables.record import Record
from gpusim.scenario.files import located
from gpusim.scenario.scenario import Scenario
from gpusim.units import HOUR_S
from gpusim.validation.anchor import Effort, Row

FLEET, SLACK = "us_eu_fleet", "us_eu_fleet_slack"
USES = {
    "inference": ("services", "batch-inference"),
    "research, reinforcement learning, evaluation": ("research", "rl-training", "rl-rollout", "evaluation"),
    "planned pre-training": ("pretraining",),
}
# Middle of what is expected of 2026 and half its width, relative. Inference: about two thirds (Deloitte, secondary,
# 2026); planned runs: about a tenth of OpenAI's compute for research and development in 2024 (Epoch, 2026-03).
EXPECTED = {"inference": (0.625, 0.05), "research, reinforcement learning, evaluation": (0.225, 0.12),
            "planned pre-training": (0.125, 0.2)}  # fmt: skip
SOLD_OUT, WITH_SLACK = (0.95, 0.05), (0.8, 0.05)  # share of live GPU-time: providers say that they are sold out
QUICK_DAYS = 1.0


def held_gpu_hours(result: Record) -> dict[str, float]:
    """GPU-hours held by class of jobs, and by services."""
    jobs, services = result.jobs, result.services
    specs = Scenario.from_dict(result.manifest["scenario"]).services
    found = ((jobs["gpus"] * jobs["run_s"]).groupby(jobs["job_class"], observed=True).sum() / HOUR_S).to_dict()
    size = services["service"].map({name: spec.gpus_per_replica for name, spec in specs.items()}).astype(float)
    span_s = services["end_s"] - services["start_s"]
    return found | {"services": float((size * services["replicas"] * span_s).sum()) / HOUR_S}


def live_gpu_hours(result: Record) -> float:
    """GPU-hours energised."""
    pools = result.pools
    return float((pools["energised_gpus"] * (pools["end_s"] - pools["start_s"])).sum()) / HOUR_S


def uses(effort: Effort) -> Iterator[Row]:
    """65: thirty days of the default fleet, sold out and with slack; quick, a day of it against its ledger."""
    fleet = Scenario.from_toml(located(FLEET))
    if effort.share < 1.0:
        yield from _booked(run(fleet.with_({"run.days": QUICK_DAYS})))
        return
    result = run(fleet)
    yield from _booked(result)
    hours = held_gpu_hours(result)
    for use, names in EXPECTED.items():
        share = sum(hours[name] for name in USES[use]) / sum(hours.values())
        yield Row(65, f"share of held GPU-time: {use}", *_of(names, share))
    yield Row(65, "held GPU-time of live, sold out", *_of(SOLD_OUT, sum(hours.values()) / live_gpu_hours(result)))
    slack = run(Scenario.from_toml(located(SLACK)))
    share = sum(held_gpu_hours(slack).values()) / live_gpu_hours(slack)
    yield Row(65, "held GPU-time of live, with slack", *_of(WITH_SLACK, share))


def _of(expected: tuple[float, float], ours: float) -> tuple[float, float, float]:
    return expected[0], ours, expected[1]


def _booked(result: Record) -> Iterator[Row]:
    """What jobs and replicas held is what the ledger books as held and useful."""
    held = {one.name for one in CAUSES if one.kind in (Kind.HELD, Kind.USEFUL)}
    ledger = result.ledger
    booked = float(ledger["gpu_s"][ledger["cause"].isin(held)].sum()) / HOUR_S
    yield Row(65, "GPU-hours held by jobs and services", booked, sum(held_gpu_hours(result).values()), 1e-6)

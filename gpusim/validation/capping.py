"""Anchors of power second by second and of caps: a step of synchronous training, more servers in one budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from gpusim.engine.description import ClassSpec, PoolSpec, Scheduling, SiteCaps
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.kernels.state.codes import Capping, Tier
from gpusim.kernels.state.fleet import Fleet
from gpusim.results import swings
from gpusim.results.power_series import WorkSteps
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import work

_GPUS, _STEP_S, _SAMPLE_S = 16_384, 2.0, 0.025
_MEASURED = (690.0, 134.0, 850.0)  # [W] of an H100 in training: at work, in a stall, for 0.1 s when work resumes


def power_step(_effort: Effort, buffer: float = 0.3) -> Iterator[Row]:
    """28: 16,384 GPUs that stall together, 700 W at work and 200 W in a stall: the step, and what storage leaves of it.

    Storage of 30% of the step, from empty to full power, leaves 70% of it. The same with what was measured on a card,
    beside the tens of megawatts that the Llama 3 run is said to have swung by (Grattafiori et al. 2024).
    """
    plain_w = _training_w(700.0, 200.0, 700.0)
    step_w = np.ptp(plain_w)
    yield Row(28, "16,384 GPUs: step between work and stall [MW]", 8.192, step_w / 1e6, 1e-9)
    smooth = swings.by_storage(plain_w, _SAMPLE_S, buffer / 2.0 * step_w)
    settled_w = smooth.power_w[round(2 * swings.LOOK_BACK_S / _SAMPLE_S) :]
    yield Row(28, "the same behind storage of 30% of it [MW]", 0.7 * 8.192, np.ptp(settled_w) / 1e6, 1e-9)
    ramp = swings.ramps(plain_w, _SAMPLE_S)["up_mw_per_s"].iloc[0]
    yield Row(28, "its ramp over 0.1 s [MW/s]", 81.92, ramp, 1e-9)
    burnt = swings.by_dummy_load(plain_w, _SAMPLE_S, step_w)
    share = burnt.lost_j / (len(plain_w) * _SAMPLE_S) / step_w
    yield Row(28, "dummy load that hides it: mean power burnt over the step", 0.2, share, 1e-6)
    bands = swings.bands(plain_w, _SAMPLE_S)["rms_mw"]
    in_all = np.sqrt((bands**2).sum()) / (np.std(plain_w) / 1e6)
    yield Row(28, "root mean square in bands of 0.1 to 20 Hz, of that in all", 1.0, in_all, 0.01)
    measured_mw = np.ptp(_training_w(*_MEASURED)) / 1e6
    yield Row(28, "with the watts measured on an H100 [MW] (published: tens of MW)", 10.0, measured_mw, 0.3)


def _training_w(work_w: float, stall_w: float, peak_w: float) -> np.ndarray:
    """[W] of GPUs through 60 s of steps of 2 s, a fifth of them in a stall, by sample."""
    steps = WorkSteps(
        _STEP_S, 0.2 * _STEP_S, _GPUS * work_w, _GPUS * stall_w, 0.0, _GPUS * peak_w, 0.0, np.inf, 0.0
    )  # fmt: skip
    edges_s = _SAMPLE_S * np.arange(round(60.0 / _SAMPLE_S) + 1)
    return np.diff(steps.energy_j(edges_s, 0.0)) / _SAMPLE_S


# An H100 node by the catalogue: 10.2 kW rated, 3,336 W with all GPUs idle, 593 W more for each GPU at work: with all of
# them, 79% of its rated power, as POLCA measured of inference clusters at their peak.
_NODE_W, _IDLE_W, _ABOVE_W = 10_200.0, 3336.0, 593.0
_HOURS = 4


def more_servers(_effort: Effort, floor: float = 0.5) -> Iterator[Row]:
    """52: ten servers' rated power for thirteen: what caps leave of decoding, of training, and of the budget.

    POLCA (Patel et al., ASPLOS 2024): 30% more servers for inference in the same budget with minimal loss.
    """
    for what, exponent, tolerance in (("decoding", 0.1, 0.02), ("training", 0.5, 0.05)):
        fleet = _played(13, exponent, floor)
        rate = _rate(fleet)
        yield Row(52, f"{what}: work of 13 servers in the budget of 10 (published: 1.3)", 1.3, 1.3 * rate, tolerance)
        excess_w = 13 * (_IDLE_W + 8 * _ABOVE_W) - 10 * _NODE_W
        steps = np.ceil(excess_w / (13 * 8 * _ABOVE_W / 16.0))
        yield Row(52, f"{what}: rate under the cap, from the curve", (1.0 - steps / 16.0) ** exponent, rate, 1e-9)
        yield Row(
            52, f"{what}: power beyond the budget", 0.0, max(fleet.sites["peak_w"][0] / (10 * _NODE_W) - 1.0, 0.0), 1e-9
        )
        parts_j = fleet.jobs["energy_j"].sum() + 13 * _IDLE_W * _HOURS * 3600.0 - _held_s(fleet) * 72.0
        yield Row(
            52,
            f"{what}: energy of the site over its parts",
            1.0,
            fleet.sites["energy_j"].sum() / parts_j,
            1e-9,
        )
    row = _played(13, 0.5, floor, Capping.ADMISSION, {Tier.BUSWAY: (13, 10 * _NODE_W)})
    yield Row(52, "training: rate on a busway that carries ten", (1.0 - steps / 16.0) ** 0.5, _rate(row), 1e-9)
    yield Row(52, "power beyond that of the busway", 0.0, max(row.sites["peak_w"][0] / (10 * _NODE_W) - 1.0, 0.0), 1e-9)
    held_back = _played(13, 0.5, floor, Capping.ADMISSION)
    started = np.count_nonzero(held_back.jobs["start_s"] == 0.0)
    yield Row(
        52,
        "without caps: servers at work in that budget",
        np.floor((102e3 - 13 * _IDLE_W) / (8 * _ABOVE_W)),
        started,
        0.0,
    )


def _held_s(fleet: Fleet) -> float:
    return float((fleet.jobs["held"] * fleet.jobs["run_s"]).sum())


def _rate(fleet: Fleet) -> float:
    return 3600.0 / (fleet.jobs["end_s"][0] - fleet.jobs["start_s"][0])


def _played(
    servers: int,
    exponent: float,
    floor: float,
    capping: Capping = Capping.UNIFORM,
    feeders: Mapping[Tier, tuple[int, float]] = MappingProxyType({}),
) -> Fleet:
    """A job of an hour on each server, in the site's budget of ten, or that of feeders, after some hours."""
    jobs = work(np.zeros(servers), np.full(servers, 3600.0), 8)
    pool = PoolSpec(0, 0, servers, 8, idle_w=72.0, compute_w=_ABOVE_W, node_idle_w=_IDLE_W, feeders=feeders)
    kind = ClassSpec(cap_exponent=exponent)
    env = FleetEnvironment(allocate([pool], 1, jobs, Scheduling(), classes=[kind], caps=[SiteCaps(capping, floor)]))
    env.set_limit(0, np.inf if feeders else 10 * _NODE_W, np.inf)
    env.set_nodes_on(0, servers)
    env.run(until=_HOURS * 3600.0)
    env.settle()
    return env.detach()

"""Wrong simulators must fail: each control breaks one rule and the anchor that guards it must notice."""

import os
from itertools import islice

import numpy as np
import pytest

from gpusim.engine.cooling import overhead
from gpusim.engine.run import run
from gpusim.kernels.state.codes import Backfill, Order
from gpusim.policies.indices import ServiceLevels
from gpusim.policies.queue_orders import largest
from gpusim.result import Result
from gpusim.validation import (
    blocking,
    capping,
    contracts,
    engine_limits,
    occupancy,
    packing,
    physical,
    power,
    preemptive,
    queueing,
    scheduling,
    serving,
    splitwise,
    stages,
    tariffs,
    tiresias,
    vidur,
    workload,
)
from gpusim.validation.anchor import FULL, QUICK, Effort
from gpusim.validation.cases import LAWS, SEED


def failures(rows) -> dict[str, float]:
    """What is off, and ours."""
    return {row.what: row.ours for row in rows if not row.passed}


def test_constant_service():
    """Constant for exponential run times halves the wait of M/M/1."""
    off = failures(islice(queueing.mmc(QUICK, LAWS["constant"]), 8))
    assert off["M/M/1 at load 0.8: mean wait"] == pytest.approx(2.0, rel=0.03)
    assert "M/M/4 at load 3.2: mean wait" in off


def test_waiting_room():
    """A loss system that lets one job wait blocks fewer."""
    assert len(failures(islice(queueing.loss(QUICK, queue_limit=1), 3))) == 3


def test_no_priorities():
    """First come, first served: both classes wait alike, 4 s without and 5 s with the time served."""
    off = failures(queueing.priorities(QUICK, None))
    assert off["no preemption: mean wait of class 1"] == pytest.approx(4.0, rel=0.1)
    assert off["no preemption: mean wait of class 2"] == pytest.approx(4.0, rel=0.1)


def test_one_level_of_service():
    """Where nobody ever falls a level, service so far is first come, first served: 12 s of the mixture, not 3.7."""
    off = failures(islice(preemptive.blind_and_seeing(QUICK, ServiceLevels((1e9,), (0.0, 1.0))), 5))
    assert list(off) == ["mixture, least attained service at load 0.8: mean time in system"]
    assert min(off.values()) > 10.0


@pytest.mark.skipif(not packing.variants(None), reason="needs published curves in GPUSIM_DATA")
def test_policies_on_shared_gpus(monkeypatch):
    """Best fit in place of fragmentation gradient descent, and the reverse: figures, curves and order are off."""
    real, names = packing._ours, {"fgd": "best-fit", "best-fit": "fgd"}
    default = {"default": packing.variants(None)["default"]}
    monkeypatch.setattr(packing, "variants", lambda _data: default)
    monkeypatch.setattr(packing, "_ours", lambda *case: real(*case).replace({"policy": names}))
    off = failures(packing.allocation(Effort(0.3)))
    assert "default, fgd: allocated at 130% [%]" in off
    assert "default: pairs of policies in another order at 130%" in off
    assert any("default, fgd" in what for what in failures(packing.fragmentation(Effort(0.3))))


def test_rules_of_tiresias():
    """Our rules in place of theirs do not give their times, where ties, queues or late looks matter."""
    off = failures(tiresias.tiresias_runs(QUICK, theirs=False))
    if off or os.environ.get("GPUSIM_DATA"):
        assert any("dlas:" in what for what in off)
        assert any("dlas-gpu:" in what for what in off)
        assert not any(" of ours " in what for what in off)


def test_no_head_of_line_blocking():
    """Large jobs first fill both GPUs: the ideal 4/3 jobs per second instead of 8/7."""
    off = failures(queueing.head_of_line(FULL, largest))
    assert off["one GPU with chance 0.5: throughput"] == pytest.approx(4 / 3, rel=0.01)


def ignore_shadow(jobs, gpus, backfill):
    """Whoever fits starts, in order of submission: a backfill without a promise to the head."""
    n = len(jobs.submit_s)
    start_s = np.full(n, np.nan)
    free, queue, running, arrived, now = gpus, [], [], 0, 0.0
    while arrived < n or queue:
        while arrived < n and jobs.submit_s[arrived] <= now:
            queue.append(arrived)
            arrived += 1
        for j in list(queue):
            if jobs.gpus[j] <= free:
                start_s[j] = now
                free -= jobs.gpus[j]
                running.append((now + jobs.runtime_s[j], j))
                queue.remove(j)
        ends = [end for end, _j in running]
        now = min([*ends, jobs.submit_s[arrived]] if arrived < n else ends)
        free += sum(jobs.gpus[j] for end, j in running if end <= now)
        running = [(end, j) for end, j in running if end > now]
    return scheduling.Starts(start_s, np.full(n, np.nan))


def test_backfill_without_shadow():
    """The hand-worked schedules and the promise see a backfill that ignores the shadow time."""
    assert failures(scheduling.backfill_or_not(FULL, ignore_shadow))["EASY: start of J4 [h]"] == 8.0
    assert "EASY: start of J2 [h]" in failures(scheduling.backfill_or_not(FULL, ignore_shadow))
    off = failures(scheduling.easy_promise(QUICK, ignore_shadow))
    assert off["exact estimates: promises broken"] > 20
    assert off["upper bounds: promises broken"] > 20


def no_backfill(jobs, gpus, _backfill):
    """First come, first served, whatever is asked for."""
    return scheduling.one_node(jobs, gpus, Backfill.NONE)


def test_no_backfill_is_not_easy():
    """A scheduler that never backfills fails on the EASY rows, and on these only."""
    off = failures(scheduling.delayed_third(FULL, no_backfill))
    assert off["EASY: start of J4 [h]"] == 17.0
    assert all(what.startswith("EASY") for what in off)


def always_easy(jobs, gpus, backfill):
    """EASY where conservative is asked for."""
    return scheduling.one_node(jobs, gpus, Backfill.EASY if backfill == Backfill.CONSERVATIVE else backfill)


def test_easy_is_not_conservative():
    """A conservative backfill that protects the head alone delays the third job to 20 h."""
    off = failures(scheduling.delayed_third(FULL, always_easy))
    assert off["conservative: start of J3 [h]"] == 20.0


@pytest.mark.parametrize("pue", [1.44, 1.0])
def test_pue_twice_or_never(pue):
    """Overhead charged twice, or not at all, changes every figure of the flat year but none of its IT energy."""
    off = failures(islice(power.flat_year(FULL, run(power.flat_year_scenario(pue), SEED)), 5))
    assert len(off) == 5
    assert off["100 MW for a year: facility energy [MWh]"] == pytest.approx(876_000 * pue, rel=1e-9)


@pytest.mark.parametrize(
    ("site", "found"),
    [
        ({"hall_mw": 1000.0}, {"months 10 to 12: GPUs not housed": 0.0}),
        ({"grid_mw": 1000.0}, {"months 3 to 6: GPUs online, most": 20_000, "months 3 to 6: GPUs not energised": 0.0}),
        ({"cooling.base_overhead": 0.0}, {"months 3 to 6: GPUs online, most": 11_764}),
    ],
)
def test_ramp_without_a_limit(site, found):
    """Halls or grid that do not bind, or overhead left out, show in what is online and in the causes of the rest."""
    scenario = physical.ramp_scenario().with_({f"sites.here.{key}": value for key, value in site.items()})
    off = failures(physical.ramp(FULL, run(scenario, SEED)))
    assert found.items() <= off.items()


def test_bits_for_bytes():
    """Data eight times as large are off in every figure."""
    off = failures(physical.shared_link(FULL, gigabytes=8 * 810.0))
    assert off["alone: data of job 1 there [s]"] == 648.0
    assert len(off) == 5


def test_links_that_do_not_share(monkeypatch):
    """The whole bandwidth for each transfer: the one alone is right, the two are not."""
    monkeypatch.setattr("gpusim.engine.links.len", lambda _marks: 1, raising=False)
    off = failures(physical.shared_link(FULL))
    assert off["two: data of job 2 there [s]"] == 121.0
    assert not any(what.startswith("alone") for what in off)


@pytest.fixture(scope="module")
def busy():
    """The run behind anchor 27."""
    scenario = power.busy_fleet_scenario()
    return scenario, run(scenario, SEED)


def test_busy_fleet_is_busy(busy):
    """The grid binds, jobs are evicted and lose work, the service serves: no part of the balance is empty."""
    _scenario, result = busy
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / 3600.0
    for cause in ("not_energised", "training", "serving", "serving_idle", "loading", "checkpointing", "lost_work"):
        assert booked[cause] > 10.0
    assert result.jobs["evictions"].sum() > 10


@pytest.mark.parametrize("part", ["jobs", "ledger", "power"])
def test_energy_balance(busy, part):
    """Energy of one job, GPU-seconds or power off by a millionth break the balance."""
    scenario, result = busy
    assert not failures(power.energy_balance(scenario, result))
    column = {"jobs": "energy_j", "ledger": "gpu_s", "power": "facility_w"}[part]
    table = result.tables[part]
    wrong = Result(result.manifest, {**result.tables, part: table.assign(**{column: table[column] * (1 + 1e-6)})})
    assert len(failures(power.energy_balance(scenario, wrong))) == 2


def test_limits_below_the_site():
    """They bind, and nodes fail. As much as a millionth more for jobs that they capped breaks the balance there."""
    scenario = power.limited_fleet_scenario()
    result = run(scenario, SEED)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum() / 3600.0
    assert booked["throttled_feeder"] > 100.0
    assert booked["down"] > 10.0
    assert set(result.feeders.loc[result.feeders["capped_s"] > 0.0, "tier"]) == {"rack", "hall"}
    assert not failures(power.energy_balance(scenario, result))
    capped = result.jobs["throttled_gpu_s"] > 0.0
    jobs = result.jobs.assign(energy_j=result.jobs["energy_j"] * np.where(capped, 1.0 + 1e-6, 1.0))
    wrong = Result(result.manifest, {**result.tables, "jobs": jobs})
    assert set(failures(power.energy_balance(scenario, wrong))) == {"west: integral of power [MWh]"}


def test_flat_arrivals():
    """Arrivals without their day have the count of a day, but neither its peak nor its spread by minute."""
    assert set(failures(workload.daily_rate(QUICK, swing=0.0))) == {
        "SD of arrivals per day",
        "peak hour over mean hour",
    }


def test_one_gpu_more():
    """Numbers in queue and in service are those of 32 GPUs."""
    assert len(failures(occupancy.little(QUICK, gpus=33))) >= 6


def test_first_come_is_not_fair():
    """First come, first served, the largest tenant alone ends when all do."""
    off = failures(islice(scheduling.fairness(QUICK, Order.KEY), 3))
    assert off["tenant with a share of 1: finish-time fairness"] < 0.2


def test_slowdown_without_its_bound(monkeypatch):
    """Jobs shorter than 10 s taken by their own run time: the mean grows beyond all measure."""
    monkeypatch.setattr(scheduling, "bounded_slowdown", lambda jobs: 1.0 + jobs["wait_s"] / jobs["run_s"])
    assert "M/M/1 at load 0.8: mean bounded slowdown" in failures(scheduling.fairness(QUICK))


def test_gangs_that_ignore_domains():
    """Nodes taken wherever they are, or nodes of another size, are other starts."""
    off = failures(blocking.gangs(FULL, domain=1))
    assert list(off) == [f"domains of 4 nodes: {what}" for what in ("starts unlike those counted", "waited in all [s]")]
    assert len(failures(blocking.gangs(FULL, size=4))) >= 2


def test_another_power_limit():
    """Without a limit nobody waits for power; a watt more is another schedule."""
    off = failures(blocking.power(FULL, limit_w=np.inf))
    assert off["power for 20 of 64 GPUs: waited for power [s]"] == 0.0
    assert len(failures(blocking.power(FULL, limit_w=21.0))) == 2


def test_another_cycle():
    """Passes at every event, or at other intervals."""
    assert len(failures(islice(blocking.cycles(FULL, cycle_s=0.0), 2))) == 2
    assert len(failures(islice(blocking.cycles(FULL, cycle_s=15.0), 2))) == 2


def test_conservative_is_not_easy():
    assert len(failures(islice(scheduling.conservative(FULL, always_easy), 2))) == 2


def test_a_file_an_hour_off():
    """Price, carbon and weather an hour early: energy is the same, but not what it costs and emits."""
    off = failures(power.hourly_quarter(shift_h=-1))
    assert [what.split(": ")[1] for what in off] == ["energy cost [USD]", "carbon [t]"]


def test_halls_of_another_medium():
    """A liquid-cooled hall where air is asked for; the dry bulb where the wet one is meant."""
    off = failures(power.air_hall(FULL, medium="liquid"))
    assert off["PUE of the year (1.3 to 1.5)"] < 1.2
    assert off["hours whose PUE is not that of their wet bulb"] == 8760
    assert off["WUE of the year, from evaporation [l/kWh]"] == 0.0


def test_hall_by_the_dry_bulb(monkeypatch):
    monkeypatch.setattr("gpusim.engine.cooling.overhead", lambda cooling, dry, _wet: overhead(cooling, dry, dry))
    assert failures(power.air_hall(FULL))["hours whose PUE is not that of their wet bulb"] > 1000


def test_stalls_at_full_power(busy):
    """Checkpoints at the power of computing: jobs by their phases do not add up."""
    scenario, result = busy
    gpus = result.manifest["gpus"].items()
    hot = {name: {**gpu, "checkpoint_fraction": gpu["compute_fraction"]} for name, gpu in gpus}
    wrong = Result({**result.manifest, "gpus": hot}, result.tables)
    assert not failures(power.jobs_by_phase(scenario, result))
    assert failures(power.jobs_by_phase(scenario, wrong))


def test_peaks_an_hour_later():
    assert failures(tariffs.warm_summer(quarter_h=22.75))


def test_no_take_or_pay():
    """Billed by use alone: the three months of the ramp are off."""
    off = failures(contracts.take_or_pay(FULL, contracts.ramp_scenario(take_or_pay=0.0)))
    assert sum("in steps" in what for what in off) == 3


def test_power_promised_beside_runs_that_outlast_their_estimates():
    """Promises hold as far as estimates do: jobs that take three times as long as expected are in the head's way."""
    assert len(failures(blocking.promised_power(FULL, estimate_s=1.0))) == 6


def test_an_engine_with_two_seats():
    assert len(failures(serving.engine_as_queue(QUICK, seats=2))) == 2


def test_an_engine_with_smaller_steps(data_folder):
    """One that takes a quarter of vLLM's tokens at a time, and no more requests, keeps them waiting."""
    rows = list(serving.measured_vllm(QUICK, max_batched_tokens=512, max_requests=64))
    assert any("mean" in what for what in failures(rows))


def test_decode_looked_up_by_batch(data_folder):
    """What was measured at each batch, in place of splitwise-sim's look-up, is off where many decode at a time."""
    off = failures(splitwise.splitwise_runs(QUICK, by_sequences=False))
    busy, measured = "base_h100x1_conv_r4: time per token, P50 [s]", 1.4
    assert off[busy] / 0.0465 == pytest.approx(measured, rel=0.02)


def test_fewer_seats(data_folder):
    """An eighth of the requests at a time keeps the others waiting."""
    off = failures(vidur.vidur_runs(QUICK, most_requests=16))
    assert "h100_tp8_conv_r8_sarathi: time to first token, P50 [s]" in off


def test_an_engine_that_batches():
    """Steps that grow with their requests: nobody waits as in M/G/4."""
    assert len(failures(engine_limits.engine_of_seats(QUICK, batching=0.01))) >= 3


def test_traces_in_larger_steps(data_folder):
    """All tokens are computed, but not when the plain engine has them."""
    off = failures(engine_limits.traces_replayed(QUICK, most_tokens=2064))
    assert sum("largest deviation" in what for what in off) == len(off) == 4


def test_no_prompts_from_the_cache():
    """Load stages whose prompts are computed again: first tokens come much later."""
    rows = list(stages.load_stages(QUICK, prefix_caching=False))
    if rows[0].skipped:
        pytest.skip(rows[0].skipped)
    assert any("first token" in name for name in failures(rows))


def test_storage_of_the_wrong_size_and_caps_that_are_too_shallow():
    """A fifth in place of 30%; caps that may take a 32nd at most, so that a server stands still."""
    assert list(failures(capping.power_step(FULL, buffer=0.2))) == ["the same behind storage of 30% of it [MW]"]
    off = failures(capping.more_servers(FULL, floor=0.97))
    assert "decoding: rate under the cap, from the curve" in off

"""The default fleet's work is that of 2026: shares of the GPU-time that is asked for, and who makes way for whom."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.inputs.climatology import climate_signals
from gpusim.inputs.synthetic import synthesize
from gpusim.serving.entry import entry
from gpusim.serving.replay import most_requests_per_s
from gpusim.serving.replica import Layout
from gpusim.serving.tabulation import deployment as serving
from gpusim.units import DAY_S, HOUR_S

INFERENCE, RESEARCH = ("services", "batch-inference"), ("research", "rl-training", "rl-rollout", "evaluation")


@pytest.fixture(scope="module")
def fleet() -> gpusim.Scenario:
    return gpusim.Scenario.from_toml("us_eu_fleet")


def asked(scenario: gpusim.Scenario) -> dict[str, float]:
    """GPU-hours within the run by class of job, as if each started when it was submitted; and of services."""
    jobs = synthesize(scenario.workload, scenario.run.days * DAY_S, 0, scenario.run.start)
    speed = {
        kinds: np.mean([scenario.gpus[kind].training_speed for kind in kinds.split("|")])
        for kinds in jobs.names["gpu_types"]
    }
    run_s = jobs["runtime_s"] / np.array([speed[kinds] for kinds in jobs.labels("gpu_types")])
    gpu_h = jobs["gpus"] * np.minimum(run_s, scenario.run.days * DAY_S - jobs["submit_s"]) / HOUR_S
    classes = jobs.labels("job_class")
    found = {name: float(gpu_h[classes == name].sum()) for name in jobs.names["job_class"]}
    found["services"] = sum(_gpus(one) for one in scenario.services.values()) * scenario.run.days * DAY_S / HOUR_S
    return found


def _gpus(service) -> float:
    whole = sum(one.weight for one in service.deployments)
    return (
        sum(one.weight / whole * service.mean_tokens_per_s / _tokens_per_s(service, one) for one in service.deployments)
        / service.target_utilisation
    )


def _tokens_per_s(service, deployment) -> float:
    """Of a GPU whose replica always has more requests, all of mean length."""
    model, asked = service.model, service.requests
    known = entry(model.name, deployment.gpu_type, model.engine, Layout(model.tp), model.weights)
    prompts, outputs = (np.full(3000, int(tokens)) for tokens in (asked.prompt_tokens, asked.output_tokens))
    per_s = most_requests_per_s(prompts, outputs, serving(known))
    return per_s * asked.output_tokens / service.gpus_per_replica


def test_two_thirds_are_inference_an_eighth_is_planned(fleet):
    """Deloitte 2026: two thirds inference; Epoch 2026: final training runs a tenth of R&D compute."""
    found = asked(fleet)
    whole = sum(found.values())
    assert 0.60 <= sum(found[name] for name in INFERENCE) / whole <= 0.66
    assert 0.20 <= sum(found[name] for name in RESEARCH) / whole <= 0.25
    assert 0.10 <= found["pretraining"] / whole <= 0.15


def test_it_is_sold_out_and_its_variant_is_not(fleet):
    """GPU-hours asked for over those delivered, 7% of which lack power or are down."""
    delivered = 0.0
    for site in fleet.sites.values():
        for pool in site.pools.values():
            times_s, gpus = zip(*pool.gpus.steps(fleet.run.start), (fleet.run.days * DAY_S, 0.0), strict=True)
            delivered += float(np.diff(times_s) @ gpus[:-1]) / HOUR_S
    slack = gpusim.Scenario.from_toml("us_eu_fleet_slack")
    assert sum(asked(fleet).values()) / delivered > 0.9
    assert sum(asked(slack).values()) / delivered < 0.8


def test_planned_runs_have_dates_and_are_few(fleet):
    planned = [one for one in fleet.workload.streams.values() if one.job_class == "pretraining"]
    assert sum(len(one.starts) for one in planned) == 4
    assert all(one.priority > 0 and not one.preemptible for one in planned)
    assert all(one.runtime_median_s / fleet.gpus[one.gpu_types[0]].training_speed > 14 * DAY_S for one in planned)


def test_nobodys_limit_binds_for_want_of_another(fleet):
    assert not any(tenant.quota_gpus for tenant in fleet.tenants.values())
    assert fleet.scheduler.order == "fair_share"
    batch = [one for one in fleet.workload.streams.values() if one.job_class == "batch-inference"]
    assert all(one.preemptible and one.priority == 0 for one in batch)


def test_checkpoints_are_asynchronous_and_things_break(fleet):
    writing = [one for one in fleet.workload.classes.values() if one.checkpoint_write_s > 0.0]
    assert writing
    assert all(one.checkpoint_write_s / one.checkpoint_interval_s <= 0.003 for one in writing)  # PyTorch DCP, 2026
    assert fleet.failures.mix == "llama3"


def test_racks_fail_twice_as_often_as_a_node_of_the_llama_3_run(fleet):
    """419 interruptions in 54 days on 2,048 nodes: 3.8 in 1,000 days of a node."""
    assert fleet.failures.causes["rack"].per_1000_days == pytest.approx(2.0 * 419 / (54 * 2048) * 1000, rel=0.01)


def test_units_are_maintained_as_often_as_the_llama_3_run_was_interrupted_for_it(fleet):
    """47 planned interruptions in 54 days on 64 units of 32 nodes; all types are maintained, each once in a period."""
    rotas = fleet.failures.maintenance.values()
    assert all(rota.every_days == pytest.approx(64 * 54 / 47, rel=0.01) for rota in rotas)
    assert {
        rota.unit_nodes(fleet.gpus[kind]) * fleet.gpus[kind].gpus_per_node for rota in rotas for kind in rota.gpu_types
    } == {256, 576}
    kinds = sorted(kind for rota in rotas for kind in rota.gpu_types)
    assert kinds == sorted({kind for site in fleet.sites.values() for kind in site.pools})
    assert all(rota.drain_h > 0.0 for rota in rotas)


def test_spares_are_where_planned_runs_are(fleet):
    """0.6% of the nodes of each such pool, the mean of what is down without maintenance; warm."""
    planned = [one for one in fleet.workload.streams.values() if one.job_class == "pretraining"]
    kinds = {kind for stream in planned for kind in stream.gpu_types}
    for name, site in fleet.sites.items():
        for kind, pool in site.pools.items():
            if not pool.spare_nodes:
                continue
            assert kind in kinds, name
            nodes = pool.gpus.peak() / fleet.gpus[kind].gpus_per_node
            assert pool.spare_nodes / nodes == pytest.approx(0.006, abs=0.001)
            assert pool.spare_start_s == 300.0
    assert sum(pool.spare_nodes > 0 for site in fleet.sites.values() for pool in site.pools.values()) == 4


def test_a_checkpoint_is_that_of_llama_3_and_its_storage_metas(fleet):
    """6.48 TB published; at 2 TB/s, 3.24 s alone."""
    kind = fleet.workload.classes["pretraining"]
    assert kind.stored_gb == 6480.0
    assert {kind.stored_gb / site.storage.write_gb_s for site in fleet.sites.values()} == {3.24}
    assert fleet.data_sets["tokens"].tb == pytest.approx(15.6 * 4.0)


@pytest.mark.parametrize("site", ["abilene", "virginia", "california", "newyork", "narvik", "lulea", "frankfurt",
                                  "barcelona", "london"])  # fmt: skip
def test_35_hours_of_a_usual_year_are_hotter_than_halls_are_built_for(fleet, site):
    """Mean over years of what 35 hours exceed: standard deviation between years 0.2 to 0.8 K."""
    spec, exceeded_c = fleet.sites[site], []
    for seed in range(8):
        start = fleet.run.start.replace(month=1)
        weather = climate_signals(spec.region, start, 365 * DAY_S, np.random.default_rng(seed))
        outside = weather.dry_bulb_c if spec.cooling.rejection == "dry" else weather.wet_bulb_c
        exceeded_c.append(np.sort(outside.values)[-36])
    assert np.mean(exceeded_c) == pytest.approx(spec.cooling.design_c, abs=1.2)


def test_every_site_can_get_what_planned_runs_read(fleet):
    """Links join all regions, so that data reach each."""
    reached = {"US-MIDA-PJM"}
    for _ in fleet.links:
        reached |= {end for link in fleet.links.values() if reached & {*link.between} for end in link.between}
    assert {site.region for site in fleet.sites.values()} <= reached


def test_oversold_power_is_capped_and_charged_for(fleet):
    oversold = {name for name, site in fleet.sites.items() if site.oversubscription > 1.0}
    assert {fleet.sites[name].capping for name in oversold} == {"phase"}
    assert set(fleet.rules.enforce) == {"us-texas-sb6", "us-ercot-4cp", "us-pjm-capacity", "eu-eed-reporting"}
    billed = {site.region for site in fleet.sites.values() if site.tariff is not None}
    assert billed == {"US-TEX-ERCO", "US-MIDA-PJM"}


def test_gas_on_site_and_a_part_of_a_connection_that_is_not_firm(fleet):
    """Abilene has 361 MW of gas in 1.2 GW; in London 96 GPUs gave up more than 30% within 30 s, for up to 10 h."""
    abilene, london = fleet.sites["abilene"], fleet.sites["london"]
    gas_mw = abilene.on_site.firm_mw
    assert gas_mw / (gas_mw + abilene.grid_mw.peak()) == pytest.approx(361.0 / 1200.0, abs=0.01)
    assert london.grid_mw.peak() - london.non_firm.mw == 7.0
    assert (london.non_firm.notice_s, london.non_firm.hours_p90) == (30.0, 10.0)


def test_calls_pause_batch_work_in_london_and_gas_runs_in_texas(fleet):
    """A day of June: a call holds the site at 7 MW without an eviction, and gas gives what the price asks for."""
    called = {"events_per_year": 0.0, "calls": [{"at": 0.5, "hours": 6.0}]}
    changes = {f"sites.london.non_firm.{key}": value for key, value in called.items()}
    result = gpusim.run(fleet.with_({"run.days": 1.0, **changes}), 0)
    assert result.curtailments["drawn_mw"].tolist() == pytest.approx([7.0], abs=1.0)
    assert result.curtailments["drawn_mw"].max() <= 7.0 + 1e-9
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["slowed_curtailed"] > 0.0
    given = result.on_site.groupby("source")["given_j"].sum()
    assert 0.0 < given["gas"] < given["grid"]


def test_services_are_promised_to_be_fast_and_are_fast_where_power_and_gpus_suffice(fleet):
    """Chat, code and agents have objectives; a day says how many requests met them, why not, and where."""
    assert all(service.model and service.objectives for service in fleet.services.values())
    result = gpusim.run(fleet.with_({"run.days": 1.0}))
    told = result.service_outcomes
    late = told[told["outcome"] == "missed"]
    keys = ["service", "site"]
    on_time = (
        1.0 - late.groupby(keys, observed=True)["requests"].sum() / told.groupby(keys, observed=True)["requests"].sum()
    )
    on_time = on_time.fillna(1.0)
    assert on_time["agents"].min() > 0.99
    assert on_time["chat-eu"].min() > 0.95
    assert on_time["chat-us", "california"] < on_time["chat-us", "virginia"]
    why = late.groupby(["service", "site", "cause"], observed=True)["requests"].sum()
    assert why["chat-us", "california"].idxmax() == "power"  # oversold by 75%, so capped
    assert {"america", "europe", "asia"} <= set(told["region"].astype(str))


def test_nodes_are_tested_before_large_runs_and_storage_is_shared(fleet):
    """Tests find lemons and what is silently corrupt; jobs that restart together share their site's storage."""
    assert {name for name, one in fleet.workload.classes.items() if one.check_s == 120.0} == {
        "pretraining",
        "rl-training",
    }
    assert fleet.failures.start_check_finds == 0.8
    assert all(site.storage.shared for site in fleet.sites.values())
    result = gpusim.run(
        fleet.with_({"run.days": 1.0, "failures.lemon_factor": 1000.0, "failures.lemon_share": 0.02}), 0
    )
    found = result.failures[result.failures["cause"] == "lemon"]
    assert len(found) > 3

"""Faults of scenarios: all together, each with key, finding and repair."""

from __future__ import annotations

import datetime
import json
import pickle

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.orders import ORDERS
from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import changed, faults, starter


def test_seeds_and_starter_are_valid() -> None:
    assert Scenario.from_dict(starter()).name == "my fleet"
    assert len(Scenario.from_toml("seeds/us_eu_fleet.toml").sites) == 9


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("run.days", "3", 'run.days: found "3"; give a number greater than 0, 36,525 at most, without quotes: 3'),
        ("run.days", True, "run.days: found true; give a number greater than 0, 36,525 at most"),
        ("run.days", float("nan"), "run.days: found nan; give a number greater than 0, 36,525 at most"),
        ("run.days", float("1e400"), "run.days: found inf; give a number greater than 0, 36,525 at most"),
        ("run.days", 0, "run.days: found 0; give a number greater than 0, 36,525 at most"),
        ("run.days", [], "run.days: found an empty list; give a number greater than 0, 36,525 at most"),
        ("run.drain", "true", 'run.drain: found "true"; give true or false, without quotes: true'),
        ("run.drain", 1, "run.drain: found 1; give true or false"),
        ("run.start", 5, "run.start: found 5; give a date like 2026-06-01 or 2026-06-01T12:00:00Z"),
        ("run.start", "1 June", 'run.start: found "1 June"; give a date like 2026-06-01 or 2026-06-01T12:00:00Z'),
        (
            "run.start",
            datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC),
            "run.start: found 9999-12-31T00:00:00+00:00; give a date in the years 1900 to 2149",
        ),
        (
            "run.recrd_s",
            1.0,
            "run.recrd_s: unknown key (did you mean 'record_s'?);"
            " allowed: days, drain, record_s, signal_s, start, warmer_k",
        ),
        (
            "scheduler.placement",
            "bestfit",
            'scheduler.placement: found "bestfit"; allowed: best_fit, first_fit, spread, random, dot_product,'
            " clustering, packing, least_left, fgd (did you mean 'best_fit'?), or the import path of your own function,"
            " 'module:function'",
        ),
        (
            "scheduler.placement",
            "best-fit",
            'scheduler.placement: found "best-fit"; give "best_fit", the node with the fewest free GPUs that suffice,'
            ' or "least_left", which is the best-fit of gpusim pack',
        ),
        (
            "scheduler.order",
            "fiffo",
            f"scheduler.order: found \"fiffo\"; allowed: {', '.join(ORDERS)}"
            " (did you mean 'fifo'?), or a policy's import path, 'module:Class'",
        ),
        (
            "scheduler.order",
            "multifactor",
            "scheduler: order = 'multifactor' decides in rounds: it needs mode = \"cycle\"",
        ),
        (
            "services.chat.gpus_per_replica",
            8.0,
            "services.chat.gpus_per_replica: found 8.0; give a whole number greater than 0: 8",
        ),
        ("name", 3, 'name: found 3; give text in quotes: "3"'),
        ("sites.texas", 3, "sites.texas: found 3; give a table"),
        (
            "sites.texas.grid_mw",
            "250",
            'sites.texas.grid_mw: found "250"; give a number, 0 or more, or steps like'
            " [{ at = 0, value = 8 }, { at = 30, value = 16 }], without quotes: 250",
        ),
        (
            "sites.texas.grid_mw",
            [{"at": "soon", "value": 1.0}],
            'sites.texas.grid_mw.0.at: found "soon"; give a date like 2026-06-01 or 2026-06-01T12:00:00Z',
        ),
        (
            "sites.texas.grid_mw",
            [{"at": 0.0}],
            "sites.texas.grid_mw.0.value: missing; give a number from 0 to 1,000,000,000",
        ),
        (
            "tenants.lab.priority",
            3,
            "tenants.lab.priority: unknown key; allowed: quota_gpus, share",
        ),
    ],
)  # fmt: skip
def test_value(key: str, value: object, fault: str) -> None:
    assert faults(changed(starter(), key, value)) == [fault]


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        (
            "workload.streams.research.tenant",
            "lap",
            "workload.streams.research.tenant: unknown name \"lap\" (did you mean 'lab'?); known: lab",
        ),
        (
            "workload.streams.research.residency",
            ["US", "UK"],
            "workload.streams.research.residency.1: unknown name \"UK\"; known: US, EU",
        ),
        (
            "tenants.lab.quota_gpus",
            {"GB20": 8},
            "tenants.lab.quota_gpus.GB20: unknown name \"GB20\" (did you mean 'GB200'?); known: "
            "A100, H100, H200, B200, GB200, B300, GB300, VR200, VR300, Feynman, MI300X, L40S",
        ),
        (
            "services.chat.deployments.0.site",
            "austin",
            'services.chat.deployments.0.site: unknown name "austin"; known: texas, frankfurt',
        ),
        (
            "services.chat.deployments.0.gpu_type",
            "H200",
            "services.chat.deployments.0.gpu_type: unknown name \"H200\" (did you mean 'H100'?); known: H100",
        ),
        (
            "services.chat.tokens_per_s_per_gpu",
            {"H200": 800.0},
            'services.chat.deployments.0.gpu_type: no rate for "H100" in services.chat.tokens_per_s_per_gpu;'
            " add H100 = TOKENS_PER_S",
        ),
        (
            "services.chat.gpus_per_replica",
            257,
            "services.chat.deployments.1: found a replica of 264 GPUs in sites.frankfurt.pools.H200, which has 256;"
            " give a smaller gpus_per_replica or a larger pool",
        ),
        (
            "sites.texas.pools.H100.gpus",
            12,
            "sites.texas.pools.H100.gpus: found 12, not a whole number of nodes of 8 GPUs; give 8 or 16",
        ),
        (
            "sites.texas.grid_mw",
            [{"at": 1.0, "value": 1.0}, {"at": "2026-06-02", "value": 2.0}],
            'sites.texas.grid_mw.1.at: found "2026-06-02T00:00:00+00:00", the moment of step 0 too;'
            " give each moment once",
        ),
        (
            "sites.texas.hall_mw",
            [{"at": 1.0, "value": 1.0}, {"at": 1.0, "value": 2.0}],
            "sites.texas.hall_mw.1.at: found 1.0, the moment of step 0 too; give each moment once",
        ),
        (
            "sites.texas.price_factor",
            -0.5,
            "sites.texas.price_factor: found -0.5; give a number, 0 or more, or steps like [{ at = 0, value = 8 }, {"
            " at = 30, value = 16 }]",
        ),
        (
            "links",
            {"a": {"between": ["US-TEX-ERCO", "DE-L"], "gbps": 100.0}},
            "links.a.between.1: unknown name \"DE-L\" (did you mean 'DE-LU'?); known: US-TEX-ERCO, DE-LU",
        ),
        (
            "links",
            {"a": {"between": ["DE-LU", "DE-LU"], "gbps": 100.0}},
            'links.a.between: give two different regions, say ["US-TEX-ERCO", "DE-LU"]',
        ),
        (
            "links",
            {name: {"between": ["US-TEX-ERCO", "DE-LU"][::way], "gbps": 1.0} for name, way in (("a", 1), ("b", -1))},
            "links.b: joins DE-LU and US-TEX-ERCO, as links.a does; give one link with the bandwidth of both",
        ),
        (
            "links",
            {"a": {"between": ["US-TEX-ERCO", "DE-LU"], "gbps": 0.0}},
            "links.a.gbps: found 0.0; it never carries anything; give more than 0 Gb/s, or remove the link",
        ),
        (
            "links",
            {"a": {"between": ["US-TEX-ERCO", "DE-LU"], "gbps": [{"at": 1, "value": 1.0}, {"at": 1, "value": 2.0}]}},
            "links.a.gbps.1.at: found 1.0, the moment of step 0 too; give each moment once",
        ),
        (
            "links",
            {"a": {"between": ["US-TEX-ERCO", "DE-LU"], "gbps": 1.0, "efficiency": 80}},
            "links.a.efficiency: found 80; give a number greater than 0, 1 at most",
        ),
        (
            "links",
            {"a/b": {"between": ["US-TEX-ERCO", "DE-LU"], "gbps": 1.0}},
            'links."a/b": name not allowed; give a letter or digit, then up to 63 letters, digits, spaces and _.+-()',
        ),
        ("run.record_s", 0.01, "run.record_s: found 0.01, too many records for 2 pools; give 0.1 or more"),
        (
            "workload.streams.research.jobs_per_day",
            2e7,
            "workload.streams: found 6e+07 jobs in 3 days; give 50,000,000 at most, or fewer days",
        ),
        (
            "services.chat.growth_per_day",
            1e6,
            "services.chat.growth_per_day: found 1e+06, with which demand passes 1e+15 tokens/s within 3 days;"
            " give less growth or fewer days",
        ),
        (
            "services.chat.tokens_per_s_per_gpu.H100",
            1e-9,
            "services.chat.tokens_per_s_per_gpu.H100: found 1e-09, with which demand needs 9.4e+12 replicas;"
            " give more tokens/s, or less mean_tokens_per_s",
        ),
        (
            "services.chat.control_s",
            0.001,
            "services.chat.control_s: found 0.001, which makes 2.6e+08 intervals; give 0.026 or more",
        ),
        (
            "workload.streams.research.gpus",
            {"8": 0.5, "60000000": 0.5},
            'workload.streams.research.gpus: found size "60000000"; give 50,000,000 GPUs at most',
        ),
        (
            "workload.streams.research.runtime_sigma",
            10.0,
            "workload.streams.research.runtime_sigma: found 10, with which jobs run longer than 1e+12 s;"
            " give 3.24 or less",
        ),
        (
            "workload.streams.research.runtime_median_s",
            1e13,
            "workload.streams.research.runtime_median_s: found 1e+13, with which jobs run longer than 1e+12 s;"
            " give 1e+12 or less",
        ),
        (
            "workload.streams.research.gpus",
            {"8": 0.5, "many": 0.5},
            "workload.streams.research.gpus: size many is not a whole number of GPUs from 1, say 8, nor a"
            " part of one in thousandths, say 0.25",
        ),
        (
            "workload.streams.research.gpus",
            {"8": 0.0},
            "workload.streams.research.gpus: no weight may be negative, and one must be positive",
        ),
        (
            "workload.streams.research.priority",
            2**31,
            "workload.streams.research.priority: found 2147483648; give a whole number up to 2,147,483,647",
        ),
    ],
)  # fmt: skip
def test_agreement(key: str, value: object, fault: str) -> None:
    assert faults(changed(starter(), key, value)) == [fault]


def test_data_that_are_to_move_are_at_the_end_of_a_link() -> None:
    """A home without a site may be one, a misspelt one may not; without links, or data, nobody looks."""
    data = starter()
    data["workload"]["streams"]["research"] |= {"home": "SE-SE1", "data_tb": 1.0}
    linked = {**data, "links": {"north": {"between": ["SE-SE1", "DE-LU"], "gbps": 10.0}}}
    stream = "workload.streams.research"
    assert faults(data) == []
    assert faults(linked) == []
    assert faults(changed(linked, f"{stream}.home", "SE-SE")) == [
        "links.north.between.0: unknown name \"SE-SE1\" (did you mean 'SE-SE'?); known: US-TEX-ERCO, DE-LU, SE-SE",
        f"{stream}.home: unknown name \"SE-SE\" (did you mean 'SE-SE1'?); known: US-TEX-ERCO, DE-LU, SE-SE1",
    ]
    assert faults(changed(linked, f"{stream}.home", "FI")) == [
        'links.north.between.0: unknown name "SE-SE1"; known: US-TEX-ERCO, DE-LU, FI',
        f'{stream}.home: unknown name "FI"; known: US-TEX-ERCO, DE-LU, SE-SE1',
    ]
    assert faults(changed(linked, f"{stream}.data_tb", 0.0)) == [
        'links.north.between.0: unknown name "SE-SE1"; known: US-TEX-ERCO, DE-LU'
    ]


def test_all_faults_of_a_file_together() -> None:
    """Wrong values, unknown keys, dangling names, broken nodes: one error, whatever else is wrong."""
    data = starter()
    for key, value in {
        "run.days": -1.0,
        "run.colour": "red",
        "sites.texas.pools.H100.gpus": 9,
        "sites.frankfurt.latitude": 91.0,
        "workload.streams.research.job_class": "resarch",
        "services.chat.tenant": "labb",
    }.items():
        data = changed(data, key, value)
    found = faults(data)
    assert [fault.split(":")[0] for fault in found] == [
        "run.days",
        "run.colour",
        "sites.frankfurt.latitude",
        "workload.streams.research.job_class",
        "services.chat.tenant",
        "sites.texas.pools.H100.gpus",
    ]
    with pytest.raises(ScenarioError, match="^fleet.toml: 6 faults\n  - run.days: found -1.0"):
        Scenario.from_dict(data, "fleet.toml")


def test_letters_of_all_languages() -> None:
    data = starter()
    data["sites"]["Luleå"] = {**data["sites"].pop("texas"), "latitude": "65°"}
    assert faults(data) == [
        'sites."Luleå".latitude: found "65°"; give a number from -90 to 90',
        'services.chat.deployments.0.site: unknown name "texas"; known: frankfurt, Luleå',
    ]


def test_nothing_to_refer_to() -> None:
    data = starter()
    data["tenants"] = {}
    assert faults(data) == [
        f'{key}.tenant: unknown name "lab"; there is none, add [tenants.lab]'
        for key in ("workload.streams.research", "services.chat")
    ]


def test_error_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(ScenarioError("fleet.toml", ["a: b", "c\x1b: d"])))
    assert (error.source, error.faults) == ("fleet.toml", ["a: b", r"c\x1b: d"])
    assert str(error) == "fleet.toml: 2 faults\n  - a: b\n  - c\\x1b: d"


def test_scenario_from_its_manifest() -> None:
    """What a result's manifest keeps, as JSON, is the scenario again."""
    scenario = Scenario.from_toml("seeds/us_eu_fleet.toml")
    kept = json.loads(json.dumps(scenario.to_toml_dict(), default=str))
    assert Scenario.from_dict(kept).content_hash() == scenario.content_hash()


def test_names() -> None:
    data = starter()
    data["tenants"]["a/b"] = {}
    data["sites"]["texas"]["jurisdiction"] = "US|EU"
    assert faults(data) == [
        'tenants."a/b": name not allowed; give a letter or digit, then up to 63 letters, digits, spaces and _.+-()',
        'sites.texas.jurisdiction: found "US|EU"; give a short code of letters and digits, say "EU"',
    ]  # fmt: skip


def test_site_without_pools_and_unknown_type() -> None:
    data = starter()
    data["sites"]["texas"]["pools"] = {}
    del data["services"]
    data["sites"]["frankfurt"]["pools"]["H2000"] = {"gpus": 8}
    assert faults(data) == [
        "sites.frankfurt.pools.H2000: unknown name \"H2000\" (did you mean 'H200'?); known: "
        "A100, H100, H200, B200, GB200, B300, GB300, VR200, VR300, Feynman, MI300X, L40S",
        "sites.texas.pools: found no pool; add one, say [sites.texas.pools.H100], or remove the site",
    ]


def test_own_gpu_type_and_changed_catalogue_type() -> None:
    data = starter()
    data["gpus"] = {"H100": {"tdp_w": 650.0}, "X1": {"tdp_w": 100.0}}
    found = faults(data)
    assert [fault.split(":")[0] for fault in found] == [
        f"gpus.X1.{field}"
        for field in (
            "idle_w", "memory_gb", "bf16_tflops", "gpus_per_node", "node_base_w", "rated_it_w_per_gpu",
            "training_speed", "usd_per_gpu_hour",
        )
    ]  # fmt: skip
    del data["gpus"]["X1"]
    assert Scenario.from_dict(data).gpus["H100"].tdp_w == 650.0
    assert Scenario.from_dict(data).gpus["H100"].idle_w == 72.0
    data["gpus"]["H100"]["idle_w"] = 651.0
    assert faults(data) == ["gpus.H100: idle_w of 651 above tdp_w of 650; give tdp_w or less"]

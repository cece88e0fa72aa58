"""Experiments on what is built, contracted and replaced: they run, answer their questions, and draw their figures."""

from datetime import timedelta

import pytest
from matplotlib.image import imread

import gpusim
from gpusim.report.scenario_text import to_toml
from gpusim.scenario.money import Money
from gpusim.units import DAY_S
from tests.studies.deliveries.kit import contract, project
from tests.studies.deliveries.kit import scenario as small
from tests.test_experiments import FOLDER, load


def test_coreweave_quarters(tmp_path, capsys):
    """What was published lies by the simulated range where the scenario holds what brought it about."""
    experiment = load("coreweave_quarters")
    experiment.main(str(tmp_path / "figure.png"), "small")
    said = capsys.readouterr().out
    assert all(reason in said for reason in ["guidance", "one price", "announced", "Shares given", "paid for 60 days"])
    assert imread(tmp_path / "figure.png").std() > 0.01
    found = experiment.compare(experiment.simulated(gpusim.Scenario.from_toml(experiment.SEED), range(12)))
    assert (found["p10"] <= found["p50"]).all()
    assert (found["p50"] <= found["p90"]).all()
    assert (found.loc[[experiment.MW, experiment.REVENUE], "gap"].abs() < 0.25).all()
    assert found.loc[(experiment.BACKLOG, "2025Q1"), "gap"] == pytest.approx(0.0, abs=0.03)  # 15.1 + 11.9 - revenue
    assert found.loc[(experiment.BACKLOG, "2025Q4"), "gap"] == pytest.approx(0.0, abs=0.01)  # it goes in
    assert found.loc[(experiment.RESULT, "2025Q3"), "p50"] < 0.0
    lines = experiment.loss_by_line(experiment.simulated(gpusim.Scenario.from_toml(experiment.SEED), range(12)))
    assert lines.drop("net result").sum().to_numpy() == pytest.approx(lines.loc["net result"].to_numpy())
    assert lines["difference"].idxmin() == "net result"
    assert lines.drop("net result")["difference"].idxmin() == "operating result before shares"
    assert lines.loc["interest", "difference"] < 0.0 < lines.loc["operating result before shares", "ours"]
    # What was guided a month before the end explains four fifths of the loss, what goes in a quarter.
    assert lines.loc["net result", "guided"] == pytest.approx(-740.0, rel=0.25)
    assert lines.loc["net result", "ours"] > -0.4 * 740.0


def test_contracts_2025(tmp_path, capsys):
    """Five figures of a small build-out in two countries; what held it back is what its replications lost."""
    experiment, file = load("contracts_2025"), tmp_path / "scenario.toml"
    unsure = {"median_days": 60.0, "p90_days": 150.0, "supply": "crews"}
    there = small(
        {"a": project(50, unsure), "b": project(20, unsure, site="there")},
        {"one": contract(40, "2025-03-01"), "two": contract(300, "2025-06-01")},
        supplies={"crews": {"kind": "crew", "units": 1.0}},
    ).with_({"sites.there.region": "NO-NO2"})
    file.write_text(to_toml(there.to_toml_dict()), encoding="utf-8")
    experiment.main([str(file), "--replications", "4", "--out", str(tmp_path)])
    told = capsys.readouterr().out
    row = next(line for line in told.splitlines() if " two " in line)
    assert row.split()[2:] == ["2025-06-01", *["not", "in", "run"] * 3]
    assert "Germany" in told
    assert "Norway" in told
    for name in ("contracts", "held_back", "delay", "countries", "cash"):
        assert imread(tmp_path / f"{name}.png").std() > 0.01
    losses = gpusim.deliveries(there, 4).losses
    late = losses.loc[losses["cause"] != "ahead of plan", "gpu_hours"].sum()
    assert experiment.held_back(there, range(4)).to_numpy().sum() == pytest.approx(late / 1e6)


def test_gas_or_grid(tmp_path, capsys):
    """Engines come before turbines and both before the grid; gas costs more for each GPU-hour, and emits more."""
    experiment = load("gas_or_grid")
    experiment.MONTHS, experiment.MONTH_D = 5, 15.0
    lead_days = {"turbines": 30.0, "engines": 15.0, "stay": 15.0}
    honest = experiment.scenario

    def sooner(way, grid_month):
        key = f"sites.site.on_site.generators.{way}.lead_days"
        return honest(way, grid_month).with_({key: lead_days[way]} if way in lead_days else {})

    experiment.scenario = sooner
    table, course = experiment.study((3.0,))
    table = table.set_index("way")
    useful = table["useful"]
    assert useful["wait"] < useful["turbines"] < useful["engines"] <= useful["stay"]
    assert useful["wait"] / useful["engines"] == pytest.approx(0.5, rel=0.1)  # 30 days of 60 with power
    assert (table["usd_per_more"].dropna() > table.loc["wait", "usd"] / useful["wait"]).all()
    assert table.loc["engines", "tonnes"] > table.loc["wait", "tonnes"]
    assert set(course) == {"grid", "stay"}
    experiment.draw(table.reset_index(), course).savefig(tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_a_hall_is_replaced(tmp_path, capsys, monkeypatch):
    """H100s go on a day, Rubin comes 75 days later: worth less where prices fall faster or plant wears out sooner."""
    monkeypatch.syspath_prepend(FOLDER)
    experiment = load("replace_hall")
    at = experiment.START + timedelta(days=60)
    scenario = experiment.hall(0.15, 6.0, "VR200", at)
    live = gpusim.play(scenario).live.pivot_table(index="time_s", columns="gpu_type", values="live_gpus").ffill()
    assert live["H100"].iloc[0] == experiment.fit("H100") == 23_528
    gone, there = live["H100"].eq(0).idxmax(), live["VR200"].gt(0).idxmax()
    assert (gone / DAY_S, there / DAY_S) == (60.0, 135.0)
    assert live["VR200"].iloc[-1] == experiment.fit("VR200") == 142 * 72
    run = gpusim.run(scenario.with_({"run.days": 150.0, "run.record_s": DAY_S}))
    energised = run.pools.pivot_table(index="start_s", columns="gpu_type", values="energised_gpus", observed=True)
    assert energised["H100"].loc[59 * DAY_S] == 23_528
    assert energised["H100"].loc[61 * DAY_S] == energised["VR200"].loc[134 * DAY_S] == 0
    assert energised["VR200"].loc[136 * DAY_S] == 142 * 72
    (usual,), (faster,) = (experiment.gains(fall, 6.0, "VR200", [24]) for fall in (0.15, 0.35))
    assert faster < usual
    assert experiment.gains(0.15, 5.0, "VR200", [24])[0] < usual
    (told,) = experiment.gains(0.15, 6.0, "VR200", [24], sold=1.0)  # two years before all tax, discounted
    price = experiment.fit("H100") * experiment.worth_usd(0.15, 6.0, experiment.START + timedelta(days=730.5))
    assert 0.5 * price < (told - usual) * experiment.MW * 1e6 < price
    experiment.main(str(tmp_path / "figure.png"), every=48)
    assert imread(tmp_path / "figure.png").std() > 0.01
    assert "life 5 years, prices fall 35% a year, VR200: after 48 months" in capsys.readouterr().out


def test_what_would_bring_stargate_sooner(tmp_path, capsys, monkeypatch):
    """Engines do, large frames come too late; with more money a month fewer GPU-hours wait for it."""
    experiment = load("stargate_what_if")
    live = {way: found.sum() for way, found in experiment.gas(2).items()}
    assert live["engines"] > 1.02 * live["grid alone"]
    assert live["grid alone"] <= live["large frames"] < 0.5 * (live["grid alone"] + live["engines"])
    monkeypatch.setattr(experiment, "MILLION_USD", (1500.0, 6000.0))
    short, enough = experiment.money(2).itertuples(index=False)
    assert short[1] > 10.0 > 0.2 > enough[1]
    experiment.main(str(tmp_path / "figure.png"), seeds=1)
    assert imread(tmp_path / "figure.png").std() > 0.01
    assert "6 billion USD a month" in capsys.readouterr().out


def test_generations(tmp_path, capsys):
    """Without decay, discount and costs the value is price times hours less rent; waiting costs its rent."""
    experiment = load("generations")
    free = {"discount_rate": 0.0, "staff_usd_per_mw_month": 0.0, "network_usd_per_mw_month": 0.0, "load": 0.0}
    money = Money(**free, overhead_share=0.0)
    kind = experiment.Kind(2.0, 1000.0)
    earned = 0.9 * 2.0 * 5 * 365.25 * 24 * 1000.0
    found = experiment.value_usd_per_mw(kind, 0, 0.0, 5.0, money)
    assert found == pytest.approx(earned - 60 * 121e3 - 31e6, rel=1e-9)
    later = experiment.value_usd_per_mw(kind, 7, 0.0, 5.0, money)
    assert later == pytest.approx(found - 7 * 121e3, rel=1e-9)
    assert experiment.residual_usd(0.0, 6.0, money) == pytest.approx(
        365.25 * 24 * 0.9 * 2.6 - 12 * 121e3 * 1275e-6, rel=1e-9
    )
    usual = Money()
    months = [experiment.break_even_months(decay, 6.0, usual) for decay in (0.0, 0.15, 0.35)]
    assert months == sorted(months, reverse=True)
    at = [experiment.value_usd_per_mw(experiment.kinds()["Rubin"], late, 0.15, 6.0, usual)
          for late in (months[1] - 1, months[1])]  # fmt: skip
    now = experiment.value_usd_per_mw(experiment.kinds()["GB300"], 0, 0.15, 6.0, usual)
    assert at[1] < now <= at[0]
    experiment.main(str(tmp_path / "figure.png"))
    assert imread(tmp_path / "figure.png").std() > 0.01
    assert "from 9 months of waiting on" in capsys.readouterr().out

"""What files say stays text: no name colours a terminal, makes an element, a formula, a file elsewhere or a traceback.

One scenario has the worst of them wherever one may stand, and goes through all commands.
"""

from __future__ import annotations

import csv
import json
import os
import re
import warnings
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim import report
from gpusim.cli import cli
from gpusim.errors import ScenarioError, TraceError, printable
from gpusim.inputs.traces import convert, read_trace
from gpusim.report.drawing import figures
from gpusim.report.findings import Findings
from gpusim.report.scenario_text import to_toml
from gpusim.scenario.references import NAMED

ATTACKS = {
    "markup": "[red]x[/red] [link=http://x]y[/link] :smile:",
    "script": "<script>alert(1)</script>",
    "image": "\"><img src=x onerror='alert(1)'>",
    "path": "../../up/and\\away",
    "bidi": "tab\tbell\x07esc\x1b[31m \u202eover\u2066",
    "mathtext": r"$\frac$ $x_1$ \alpha {{ 7 * 7 }} {% raw %} %s",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1",
    "minus": "-1+1",
    "sum": "@SUM(1)",
    "apostrophe": "'=1",
    "long": "n" * 1000,
    "emoji": "\U0001f600 \U0001d4b3",
}
NAME = "a .. (b)+-_ \u05d0\U0001d4b3 con"  # the worst that a name of a table may be
SITES = (f"{NAME}1", f"{NAME}2", "n" * 64)
GPU, TENANT, CLASS, SUPPLY = f"{NAME} gpu", f"{NAME} tenant", f"{NAME} class", f"{NAME} supply"
FILE, OUT = "[red]x <script>\u202e.toml", "=out/[b]<i>\x07"
TRACE, WEATHER = "=t[red]\x1b[31m.csv", "@w<script>.csv"
ALL = " ".join(ATTACKS.values())


def scenario() -> dict:
    """Tables of a scenario: two sites, a project, a contract, a rival, a service, a rule, a trace."""
    from gpusim.scenario import hardware

    site = {
        "region": ALL, "jurisdiction": NAME, "grid_mw": 0.02, "pools": {GPU: {"gpus": 4}},
        "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 100.0, "weather_file": WEATHER,
    }  # fmt: skip
    tasks = {
        NAME: {"median_days": 0.2, "p90_days": 0.3, "supply": SUPPLY, "kind": ALL},
        f"{NAME} gives": {"median_days": 0.0, "after": [NAME], "gives": "gpus", "usd": 1e3},
    }
    stream = {"tenant": TENANT, "job_class": CLASS, "jobs_per_day": 100.0, "gpus": {"2": 0.9, "64": 0.1}}
    return {
        "name": ALL, "description": ALL, "run": {"start": "2026-06-01T00:00:00Z", "days": 1.0},
        "gpus": {GPU: {**hardware.built_in()["H100"], "gpus_per_node": 1}},
        "sites": {
            SITES[0]: {**site, "tariff": {"agreements": {NAME: {"price_usd_per_mwh": 40.0}}}},
            SITES[1]: {**site, "region": ATTACKS["script"]}, SITES[2]: site,
        },
        "links": {NAME: {"between": [ALL, ATTACKS["script"]], "gbps": 1.0}},
        "data_sets": {NAME: {"tb": 1.0, "regions": [ALL]}},
        "tenants": {TENANT: {"quota_gpus": {GPU: 5}}},
        "workload": {
            "reference_gpu": GPU, "trace": TRACE, "classes": {CLASS: {}},
            "streams": {NAME: {**stream, "home": ATTACKS["script"], "data_tb": 0.1}},
        },
        "services": {
            NAME: {"tenant": TENANT, "gpus_per_replica": 1, "mean_tokens_per_s": 500.0,
                   "tokens_per_s_per_gpu": {GPU: 100.0}, "deployments": [{"site": SITES[0], "gpu_type": GPU}],
                   "users": {NAME: {"share": 1.0}}}
        },
        "supplies": {SUPPLY: {"kind": "stock", "per_month": 30.0, "most": 30.0}},
        "projects": {NAME: {"site": SITES[0], "start": "2026-06-01", "adds": {"gpus": {GPU: 8}}, "tasks": tasks}},
        "shocks": {NAME: {"at": "2026-06-01", "effect": "duration", "factor": 1.5, "kind": ALL}},
        "rivals": {NAME: {"orders": {SUPPLY: {"per_month": 30.0, "units": 1.0}}}},
        "contracts": {
            NAME: {"tenant": TENANT, "signed": 0.0, "gpus": [{"at": 0.3, "value": 4}], "term_days": 30.0,
                   "price_usd_per_gpu_hour": 2.0}
        },
        "money": {"loans": {NAME: {"tenants": [TENANT], "rate": 0.1}}},
        "failures": {
            "causes": {NAME: {"per_1000_days": 1.0, "repair": {NAME: 1.0}}}, "repairs": {NAME: {"mean_h": 1.0}},
            "maintenance": {"upkeep": {"every_days": 30.0, "hours": 1.0}},
        },
        "plan": {
            "options": {NAME: {"key": "sites.*.grid_mw", "how": "add", "range": [0, 0.1], "step": 0.1,
                               "usd_per_unit": 1.0}}
        },
    }  # fmt: skip


def write_files() -> None:
    """A trace whose texts are attacks, and weather, as CSV."""
    attacks = list(ATTACKS.values())
    jobs = pd.DataFrame({"job_id": range(len(attacks)), "submit_s": 60.0, "runtime_s": 3000.0, "gpus": 1})
    for column in ("tenant", "job_class", "home", "final_state"):
        jobs[column] = attacks
    jobs.to_csv(TRACE, index=False)
    times = [f"2026-06-0{day}T00:00:00Z" for day in range(1, 9)]
    pd.DataFrame({"time_utc": times, "dry_bulb_c": 20.0, "wet_bulb_c": 15.0}).to_csv(WEATHER, index=False)


class Elements(HTMLParser):
    """Names of elements and attributes of a page, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.made, self.text = set(), ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.made |= {tag, *(name for name, _value in attrs)}

    def handle_data(self, data: str) -> None:
        self.text += data


def said(*arguments: str, code: int = 0) -> str:
    """What a command prints: all of it may be shown, and nothing in it is an order to the terminal."""
    done = CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "200"})
    assert isinstance(done.exception, SystemExit | None), repr(done.exception)
    assert done.exit_code == code, done.output
    assert [c for c in done.output if not c.isprintable() and c != "\n"] == []
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where all commands were given the scenario: a folder in a folder that is otherwise empty."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        above = tmp_path_factory.mktemp("text") / "up"
        (above / "[red]=here\x1b[31m").mkdir(parents=True)
        patch.chdir(above / "[red]=here\x1b[31m")
        write_files()
        Path(FILE).write_text(to_toml(scenario()), encoding="utf-8")
        axis = {"key": "description", "values": [ATTACKS["formula"], ATTACKS["script"]]}
        about = {"name": ALL, "description": ALL, "scenario": FILE, "replications": 1, "axes": {NAME: axis}}
        Path("s.toml").write_text(to_toml(about), encoding="utf-8")
        give_all_commands()
        yield Path.cwd()
        assert [path.name for path in above.iterdir()] == [Path.cwd().name]


def give_all_commands() -> None:
    """Each prints text alone and ends without a warning."""
    serial = ("--executor", "serial")
    assert NAME in said("run", FILE, "--out", f"{OUT}/a", "--replications", "2", "--seeds", "2")
    said("run", FILE, "--out", f"{OUT}/b", "--replications", "2", "--one", "--seed", "1")
    assert printable(OUT) in said("compare", f"{OUT}/a", f"{OUT}/b")
    said("export", f"{OUT}/a", f"{OUT}/t.json")
    assert NAME in said("relieve", FILE, "--out", f"{OUT}/r", "--budget", "4", "--curves", "0", *serial)
    said("plan", FILE, "--out", f"{OUT}/p", "--goal", "goodput >= 0.1", "--replications", "2", *serial)
    assert ATTACKS["script"] in said("sweep", "s.toml", *serial)
    (store,) = Path("out").iterdir()  # of the sweep's name
    said("sweep", "status", str(store))
    said("sweep", "collect", str(store), f"{OUT}/c.csv")
    said("sweep", "collect", str(store), f"{OUT}/c.parquet")
    said("trace", "describe", TRACE)
    for ending in ("csv", "parquet"):
        said("trace", "convert", TRACE, f"{OUT}/t.{ending}")


def test_files_are_where_they_were_asked_for(folder: Path) -> None:
    assert sorted(os.listdir()) == sorted([FILE, TRACE, WEATHER, "s.toml", "out", "=out"])
    assert sorted(path.parent.name for path in Path().glob("*/*")) == ["=out", "out"]
    assert sorted(os.listdir(OUT)) == sorted([*"abpr", "c.csv", "c.parquet", "t.csv", "t.json", "t.parquet"])
    figures = {path.name for path in (Path(OUT) / "a" / "figures").iterdir()}
    assert {f"site_{site}.png" for site in SITES} < figures


@pytest.mark.parametrize("page", ["a", "b", "r", "p", "sweep"])
def test_no_name_makes_an_element(folder: Path, page: str) -> None:
    path = (Path(OUT) / page if page != "sweep" else next(Path("out").iterdir())) / "report.html"
    found, templates = Elements(path), "".join(file.read_text() for file in Path(report.__path__[0]).rglob("*.html"))
    assert found.made <= set(re.findall(r"<([a-z0-9]+)", templates)) | set(re.findall(r'\s([a-z-]+)="', templates))
    assert [c for c in found.text if not c.isprintable() and c != "\n"] == []
    assert printable(ALL) in found.text


def test_the_timeline_has_the_names(folder: Path) -> None:
    content = json.loads((Path(OUT) / "t.json").read_text())
    assert content["otherData"]["scenario"] == ALL
    processes = {event["args"]["name"] for event in content["traceEvents"] if event["name"] == "process_name"}
    assert {f"{site}: {GPU}" for site in SITES} < processes
    tenants = {event["args"]["tenant"] for event in content["traceEvents"] if event.get("cat") == "job"}
    assert set(ATTACKS.values()) & tenants


def test_no_cell_is_a_formula(folder: Path) -> None:
    for table in (*Path(OUT).glob("*.csv"), *Path(OUT).glob("p/*.csv")):
        with table.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert [cell for cell in cells if cell[:1] in set("=+-@\t\r") and not is_number(cell)] == []
    assert f"'{ATTACKS['formula']}" in list(pd.read_csv(Path(OUT) / "c.csv")[NAME])
    assert ATTACKS["formula"] in list(pd.read_parquet(Path(OUT) / "c.parquet")[NAME])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_converted_trace_gives_its_texts_back(folder: Path, ending: str) -> None:
    found, given = read_trace(Path(OUT) / f"t.{ending}"), read_trace(TRACE)
    for column in ("tenant", "job_class", "home", "final_state"):
        assert list(found.labels(column)) == list(given.labels(column)) == list(ATTACKS.values())


def test_lines_in_a_cell_are_for_parquet(tmp_path: Path) -> None:
    jobs = pd.DataFrame({"submit_s": [0.0], "runtime_s": 1.0, "gpus": 1, "tenant": "a\nb\x1b", "x,=cmd()": 1})
    jobs.to_parquet(tmp_path / "a.parquet")
    convert(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert list(read_trace(tmp_path / "b.parquet").labels("tenant")) == ["a\nb\x1b"]
    with pytest.raises(TraceError, match=r"tenant 'a\\nb\\x1b': a cell of gpusim's CSV holds one line"):
        convert(tmp_path / "a.parquet", tmp_path / "b.csv")
    jobs.assign(tenant="lab").to_parquet(tmp_path / "a.parquet")
    trace = convert(tmp_path / "a.parquet", tmp_path / "b.csv", {"gpus": "gpus"})
    assert ",=" not in (tmp_path / "b.csv").read_text()  # in the line of notes
    assert read_trace(tmp_path / "b.csv").notes == trace.table.notes == {"columns that are not read: x,=cmd()": 1}


def test_figures_are_drawn_in_all_formats(folder: Path) -> None:
    result = gpusim.Result.load(Path(OUT) / "a")
    for ending in ("svg", "pdf"):
        for name, figure in figures(Findings(result)):
            figure.savefig(folder / OUT / "figure", format=ending)
            assert "\\frac" not in name
    (folder / OUT / "figure").unlink()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("table", NAMED)
def test_what_no_table_may_be_called_is_told(attack: str, table: str) -> None:
    tables = scenario()
    place = tables
    for part in table.split("."):
        place = place[next(iter(place)) if part == "*" else part]
    place[ATTACKS[attack]] = next(iter(place.values()))
    with pytest.raises(ScenarioError, match="name not allowed; give a letter or digit") as error:
        gpusim.Scenario.from_dict(tables)
    assert all(fault.isprintable() for fault in error.value.faults)


def is_number(text: str) -> bool:
    try:
        return bool(float(text) or True)
    except ValueError:
        return False

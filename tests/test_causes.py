"""The table of causes: whole, followed by everything, and spelt nowhere else."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gpusim.causes import BACKLOG, CAUSES, HELD, IDLE_OF_WAIT, LOSS_OF_WAIT, OFFLINE, POWER_PLAN, WORDS, Kind
from gpusim.kernels.state.codes import ABSENT, MISS_OF_WAIT, Cause, Wait

PACKAGE = Path(__file__).parents[1] / "gpusim"
# Files that may name several causes in one place, and what these are there.
SPELT = {
    "causes.py": "the table",
    "engine/rejections.py": "where rejections are booked: what their events say",
    "phases.py": "names of phases",
    "report/timeline.py": "names of counters",
    "validation/curtailment.py": "what is expected, worked out by hand",
    "validation/physical.py": "what is expected, worked out by hand",
}
ROW = """
    CauseRow("idle_strike", Kind.IDLE, 35, 125, "#123456", "on strike",
             "GPUs were free while nobody would tend them",
             "better pay",
             WaitRow("strike", 16, turn=125)),
    CauseRow("idle_drought", Kind.IDLE, 34, 151, "#234567", "rivers too low",
             "GPUs were idle while rivers were too low to cool the power station",
             "rain",
             WaitRow("drought", 17, turn=88, limit=Limit.CAP), relieved_by="power"),
    CauseRow("slowed_drought", Kind.HELD, 33, 71, "#345678", "slowed by low rivers",
             "GPUs were slowed while rivers were too low to cool the power station",
             "rain",
             relieved_by="power", slows_for="drought"),
"""
# Has a process book some of the time without demand under a new cause, and another cap the power of a site where jobs
# are then not started, and of one where they are slowed; says what came of it.
RUN = """
import json
import gpusim
from gpusim.report.figures.palette import COLOURS
from gpusim.kernels.state.codes import MISS_OF_WAIT, Cause, Wait
from gpusim.studies.relief.constraints import counterfactuals
from tests.regulation.kit import scenario as busy

def strike(env):
    yield env.at(3600.0)
    ledger = env.fleet.pools[0].ledger
    ledger[Cause.IDLE_STRIKE] += 1800.0
    ledger[Cause.IDLE_NO_DEMAND] -= 1800.0

scenario = gpusim.Scenario.from_dict({
    "name": "strike", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25},
    "sites": {"a": {"region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 1.0, "pools": {"H100": {"gpus": 8}}}},
})
result = gpusim.run(scenario, processes=[strike])
losses = result.bottlenecks()

def drought(env):
    yield env.at(3600.0)
    env.sites["here"].set_cap(50e3, by="drought", wait=Wait.DROUGHT)

def in_drought(capping):
    given = busy([], run={"days": 0.25}, capping=capping)
    found = gpusim.run(given, processes=[drought])
    waits = found.waits.groupby("cause", observed=True)["job_s"].sum()
    booked = found.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    news = [name for name in booked.index if name.endswith("_drought")]
    tried = counterfactuals(given, {("here/unit", name): 100.0 for name in news}, 0.1, 7.0, "useful_gpu_hours")
    return {
        "gpu_h": booked[news].div(3600.0).to_dict(),
        "waited": bool(waits.get("drought", 0.0) > 0.0),
        "levers": sorted({one.constraint for one in tried}),
    }

print(json.dumps({
    "admission": in_drought("admission"),
    "uniform": in_drought("uniform"),
    "miss": MISS_OF_WAIT[Wait.DROUGHT].name,
    "package": gpusim.__file__,
    "gpu_s": result.ledger.groupby("cause", observed=True)["gpu_s"].sum().to_dict(),
    "sentence": losses[losses["cause"] == "idle_strike"]["sentence"].iloc[0],
    "colours": [[name, colour] for name, colour in COLOURS.items()],
    "legend": [text.get_text() for text in result.draw("matrix").legends[0].get_texts()],
    "waits": [wait.name for wait in Wait],
}))
"""


def test_codes_are_places_in_arrays():
    assert [int(cause) for cause in Cause] == list(range(len(Cause)))
    assert [int(wait) for wait in Wait] == list(range(len(Wait)))


def test_codes_that_results_and_kernels_were_made_with():
    assert [cause.name.lower() for cause in Cause] == [
        "not_delivered", "not_housed", "not_energised", "down", "idle_no_demand", "idle_reserved", "idle_fragmented",
        "idle_power", "idle_rule", "idle_quota", "idle_cycle", "idle_policy", "idle_data", "loading", "checkpointing",
        "lost_work", "serving_idle", "serving", "training", "slowed", "serving_loading", "serving_draining",
        "serving_prefill", "serving_decode", "restarting", "idle_spare", "throttled",
        "idle_cooling", "throttled_cooling",
        "idle_curtailed", "slowed_curtailed", "throttled_feeder", "idle_cpu_memory",
    ]  # fmt: skip
    assert [wait.name.lower() for wait in Wait] == [
        "busy", "not_delivered", "not_energised", "down", "fragmented", "power", "quota", "cycle", "policy",
        "not_housed", "data", "rule", "cooling", "curtailed", "retired", "cpu_memory",
    ]  # fmt: skip


def test_every_row_is_whole():
    assert len(WORDS) == len(CAUSES)
    for row in CAUSES:
        assert row.short, row.name
        assert row.clause, row.name
        assert bool(row.relief) == (row.kind is not Kind.USEFUL), row.name
        assert (row.layer is None) == (row.colour == "") == (row.kind is Kind.REJECTED), row.name
        derived = row.name in (BACKLOG, POWER_PLAN)  # told from others by the books
        assert (row.code is None) == (derived or row.kind in (Kind.BUSY, Kind.REJECTED)), row.name
        assert row.wait or row.kind is not Kind.ABSENT or derived, row.name  # whoever lacks them waits for them
        assert row.until is None or row.kind is Kind.ABSENT, row.name
    for column in ("layer", "colour", "code"):
        values = [getattr(row, column) for row in CAUSES if getattr(row, column) not in (None, "")]
        assert len(set(values)) == len(values), column
    turns = [row.wait.turn for row in CAUSES if row.wait]
    assert len(set(turns)) == len(turns)


def test_turns_are_those_of_the_semantics():
    text = " ".join((PACKAGE.parent / "docs" / "semantics.md").read_text(encoding="utf-8").split())
    assert f"each under what it waits for: {', '.join(IDLE_OF_WAIT)}." in text
    assert set(LOSS_OF_WAIT) == set(IDLE_OF_WAIT)


def test_what_would_come_first_of_absent_gpus():
    assert [cause.name.lower() for cause in ABSENT] == ["not_energised", "not_housed", "not_delivered", "down"]


def test_why_requests_are_late_where_replicas_wait():
    late = {wait.name.lower(): miss.name.lower() for wait, miss in MISS_OF_WAIT.items()}
    power = ("power", "rule", "cooling", "curtailed", "not_energised")
    assert late == {
        **dict.fromkeys((wait.name.lower() for wait in Wait), "no_gpu"), **dict.fromkeys(power, "power"),
        "down": "failure", "cycle": "queue",
    }  # fmt: skip


def test_groups():
    serving = ("serving", "serving_prefill", "serving_decode", "serving_idle", "serving_loading", "serving_draining")
    assert HELD == ("training", *serving, "loading", "restarting", "checkpointing", "lost_work", "slowed",
                    "throttled_feeder", "throttled", "throttled_cooling", "slowed_curtailed")  # fmt: skip
    assert OFFLINE == ("not_delivered", "not_housed", "not_energised", "power_plan")


def spelt(path: Path) -> list[int]:
    """Lines of a file on which a tuple, list, set or dict names several causes."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        found = {part.value for part in parts if isinstance(part, ast.Constant) and part.value in WORDS}
        if len(found) > 1:
            lines.append(node.lineno)
    return lines


def test_no_other_module_spells_a_list_of_causes():
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    assert {name for name, path in files.items() if spelt(path)} == set(SPELT)


def test_no_template_spells_a_cause():
    names = [name for name in WORDS if "_" in name]
    for path in PACKAGE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert [name for name in names if name in text] == [], path


def test_a_list_of_causes_is_found(tmp_path: Path):
    path = tmp_path / "bad.py"
    path.write_text("A = 'down'\nB = ('down', 'training')\nC = {'serving': 1, 'loading': 2}\nD = ['down', 'up']\n")
    assert spelt(path) == [2, 3]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a copy of the package whose table has more rows says of runs."""
    folder = tmp_path_factory.mktemp("more")
    shutil.copytree(PACKAGE, folder / "gpusim", ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "gpusim" / "causes.py"
    text = table.read_text(encoding="utf-8")
    assert text.count("\nCAUSES = (\n") == 1
    table.write_text(text.replace("\nCAUSES = (\n", f"\nCAUSES = ({ROW}", 1), encoding="utf-8")
    paths = os.pathsep.join(map(str, (folder, PACKAGE.parent)))
    place = {**os.environ, "PYTHONPATH": paths, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["package"]).is_relative_to(folder)
    return found


def test_a_row_more_is_a_cause_of_the_ledger(told: dict):
    assert told["gpu_s"] == {"idle_no_demand": 8 * 6 * 3600.0 - 1800.0, "idle_strike": 1800.0}
    assert told["waits"] == [*(wait.name for wait in Wait), "STRIKE", "DROUGHT"]


def test_a_row_more_has_words(told: dict):
    assert told["sentence"].startswith("At a, H100 GPUs were free while nobody would tend them, mostly from ")


def test_a_row_more_has_a_colour_in_its_layer(told: dict):
    names = [name for name, _colour in told["colours"]]
    assert ["idle_strike", "#123456"] in told["colours"]
    assert names[names.index("idle_strike") - 1 :][:3] == ["idle_reserved", "idle_strike", "idle_quota"]
    assert "on strike" in told["legend"]


def test_a_row_more_is_a_limit_on_power(told: dict):
    """Of 100 GPUs of 1 kW 50 have power. The rest waits for it, and replicas would; or all are slowed, and none waits.

    In both cases more of a connection is tried.
    """
    assert told["admission"]["gpu_h"] == {"idle_drought": pytest.approx(50 * 5.0)}
    assert told["admission"]["waited"]
    assert {"capping", "grid_mw"} <= set(told["admission"]["levers"])
    assert list(told["uniform"]["gpu_h"]) == ["slowed_drought"]
    assert told["uniform"]["gpu_h"]["slowed_drought"] > 0.0
    assert "grid_mw" in told["uniform"]["levers"]
    assert told["miss"] == "POWER"


def test_limits_on_power_are_told_apart_only_where_they_are_set():
    """Whoever asks whether somebody lacks power, or what slowed a run, asks the table."""
    limit = "(?:RULE|COOLING|CURTAILED)"
    words = re.compile(rf"\b(?:Wait\.{limit}|Cause\.(?:IDLE|THROTTLED|SLOWED)_{limit})\b")
    files = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    assert {name for name, text in files.items() if words.search(text)} == {
        "engine/power.py", "engine/non_firm.py", "engine/regulation.py", "engine/layout/capacity.py",
    }  # fmt: skip

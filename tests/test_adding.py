"""What "I want to add ..." of docs/architecture.md names is what it takes: done in copies of the package.

More of its rows are done elsewhere: other causes (``test_causes``), policies (``policies/test_custom``,
``policies/test_keys``), what a package of one's own adds (``test_plugins``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCS = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("architecture", "traces")}


class Edit(NamedTuple):
    """What is written before ``before`` in a file, which is new if that is empty."""

    file: str
    before: str
    text: str


KEY = (
    Edit(
        "scenario/site.py", "    oversubscription: float",
        '    cats: int = Field(0, ge=0)\n    """Who live there."""\n',
    ),
    Edit(
        "engine/assembly.py", "        plant = CoolingPlant(",
        '        log(0.0, site, "cats", "at the doors", float(spec.cats), "cats")\n',
    ),
)  # fmt: skip
ASK_KEY = """
import gpusim
from gpusim.report.reference import text
from tests.regulation.kit import scenario

given = scenario([], run={"days": 0.01}, cats=3)
events = gpusim.run(given).events
try:
    given.with_({"sites.here.cats": -1})
except gpusim.errors.ScenarioError as error:
    said = str(error)
answer = {
    "said": said,
    "logged": events[events["kind"] == "cats"]["value"].tolist(),
    "described": "| `cats` | a whole number, 0 or more | `0` | Who live there. |" in text(),
}
"""

EXAMPLE = re.search(r"```python\n(.*?)```", DOCS["traces"], re.DOTALL)[1]
TRACE = (
    Edit("inputs/traces/spot.py", "", f'"""Alibaba\'s spot trace of 2026."""\n\n{EXAMPLE}'),
    Edit("inputs/traces/formats.py", "from gpusim.inputs.traces.swf", "from gpusim.inputs.traces.spot import *\n"),
    Edit(
        "inputs/traces/formats.py", '    Format("Standard Workload Format"',
        '    Format("Alibaba spot 2026", ("job_info_df*.csv",), mismatch_spot, read_spot),\n',
    ),
)  # fmt: skip
ASK_TRACE = """
from pathlib import Path
from gpusim.inputs.traces import open_trace

path = Path("jobs.csv")
path.write_text("job_name,organization,gpu_request,worker_num,submit_time,duration\\na,org1,8,4,100,50\\n")
trace = open_trace(path)
answer = {"format": trace.format, "gpus": trace.table["gpus"].tolist()}
"""

PLACEMENT = (
    Edit("kernels/state/codes.py", "\n    @property\n    def by_score", "    EMPTIEST = 9\n"),
    Edit("kernels/packing/score.py", "@inner\ndef score(", "_EMPTIEST = int(Placement.EMPTIEST)\n\n\n"),
    Edit(
        "kernels/packing/score.py", "    if rule == _LEAST_LEFT:",
        "    if rule == _EMPTIEST:\n        return 100 * node.gpu_free // s.scoring[0].most_gpu_milli\n",
    ),
    Edit(
        "scenario/placements.py", "}  # fmt: skip",
        '    "emptiest": PlacementSpec("the node with the most GPU left", "", _SCORES),\n',
    ),
    Edit(
        "studies/packing/policies.py", "}\n\n\ndef named",
        '    "emptiest": About(Placement.EMPTIEST, "the node with the most GPU left", ""),\n',
    ),
)  # fmt: skip
ASK_PLACEMENT = """
from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Placement
from gpusim.report.catalogue import policy_tables
from gpusim.scenario.scheduler import Scheduler
from gpusim.studies.packing.policies import named
from tests.engine.kit import play, starts

jobs = [(0.0, 1, 100.0, 100.0), (1.0, 1, 100.0, 100.0), (2.0, 2, 50.0, 50.0)]  # on two nodes of two GPUs
answer = {
    "starts": {
        name: starts(play(jobs, 2, 2, Scheduling(placement=Placement[name]))) for name in ("LEAST_LEFT", "EMPTIEST")
    },
    "in_scenarios": Scheduler(placement="emptiest").placement,
    "packs": named("emptiest"),
    "listed": "the node with the most GPU left" in [str(cell) for cell in policy_tables()[-1].columns[1].cells],
}
"""

COUNT = '''"""That there is one."""

from gpusim.report.section import Section


class Count(Section):
    """A sentence."""

    name, title = "count", "How many"

    def lead(self, findings):
        """Of what kind."""
        return [f"There is one {type(findings).__name__}."]
'''
# Of each kind of report: its folder, and findings of it (``ASK_SECTIONS``).
KINDS = ("sections", "compared", "sweeps", "policies", "plans")
SECTIONS = {
    kind: (
        Edit(f"report/{kind}/count.py", "", COUNT),
        Edit(f"report/{kind}/__init__.py", "\nSECTIONS: ", f"from gpusim.report.{kind}.count import Count\n"),
        Edit(f"report/{kind}/__init__.py", "REPORT = ", "SECTIONS.append(Count())\nCONSOLE.append(Count())\n"),
    )
    for kind in KINDS
}  # fmt: skip
ASK_SECTIONS = """
import importlib, io
from pathlib import Path
from rich.console import Console
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.console import print_report
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.sweeps.findings import SweepFindings
from tests.report.test_page import Page
from tests.report.test_sweep_page import kept, spec
from tests.results.kit import fleet
from tests.studies.planning.kit import proposal

def swept(axis):
    made = spec(Path(axis), axes=(axis,), measures=["goodput"])
    return SweepFindings(made, kept(made, Path(axis, "store")))

run = Findings(fleet(1, 24))
findings = {
    "sections": run, "compared": ComparedRuns({"a": run, "b": Findings(fleet(2, 24))}), "sweeps": swept("power"),
    "policies": swept("policy"), "plans": proposal(["power"]),
}
answer = {}
for kind, one in findings.items():
    report, out = importlib.import_module(f"gpusim.report.{kind}").REPORT, io.StringIO()
    print_report(one, Console(file=out, width=100), report.console)
    page = Page(write(one, Path("report.html"), report=report).read_text(encoding="utf-8"))
    contents = {attrs.get("href") for _tag, attrs in page.elements}
    answer[kind] = [page.texts["count"].split(), out.getvalue().splitlines()[-1], "#count" in contents]
"""

ABSENT = (
    Edit(
        "causes.py", '    CauseRow("down", Kind.ABSENT', """\
    CauseRow("in_customs", Kind.ABSENT, 33, 185, "#123456", "held at customs",
             "GPUs were held at customs",
             "earlier papers",
             WaitRow("in_customs", 16, turn=25), until=Stage.DELIVERED, relieved_by="delivery"),
    CauseRow("on_trial", Kind.ABSENT, 34, 165, "#234567", "nodes on trial",
             "nodes were on trial",
             "shorter trials",
             WaitRow("on_trial", 17, turn=45, late="failure")),
""",
    ),
)  # fmt: skip
# Processes record the two: eight GPUs are held up from the start on, and a node is on trial for two of six hours.
ASK_ABSENT = """
from pathlib import Path
import numpy as np
import gpusim
from gpusim.results.conservation import check
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import MISS_OF_WAIT, Cause, Wait

def hold(env):
    yield env.at(0.0)
    env.settle()
    absent = env.fleet.pools[0].absent
    absent[Cause.NOT_DELIVERED] -= 8
    absent[Cause.IN_CUSTOMS] += 8

def try_out(env):
    yield env.at(2 * 3600.0)
    assert env.fail_node(3, Cause.ON_TRIAL)
    yield env.at(4 * 3600.0)
    assert env.repair_node(3)

def told(process, gpus, cause, short, n_jobs):
    site = {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": {"H100": {"gpus": gpus}}}
    scenario = gpusim.Scenario.from_dict({
        "name": "absent", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25}, "tenants": {"t": {}},
        "sites": {"one": site}, "workload": {"trace": "jobs.csv"},
    })
    each = {"submit_s": 1.0, "runtime_s": 1e6, "gpus": 8}
    columns = {name: np.full(n_jobs, value) for name, value in each.items()}
    jobs = JobTable.build({}, job_id=np.arange(n_jobs), **columns)
    result = gpusim.run(scenario, trace=jobs, processes=[process])
    result.report(Path("report.html"))
    sums = [("ledger", "gpu_s"), ("waits", "job_s"), ("unmet", "short_gpu_s")]
    losses = result.bottlenecks()
    return {
        "conserved": check(result) == [],
        "hours": [
            round(result.tables[table].groupby("cause", observed=True)[column].sum().get(cause, 0.0) / 3600.0, 2)
            for table, column in sums
        ],
        "pools": [result.pools[f"{stage}_gpus"].mean() for stage in ("planned", "delivered", "energised")],
        "sentence": losses[losses["cause"] == cause]["sentence"].iloc[0].partition(", mostly")[0],
        "reported": short in Path("report.html").read_text(),
        "late": MISS_OF_WAIT[Wait[cause.upper()]].name,
    }

later = [{"at": 0.0, "value": 32}, {"at": 1.0, "value": 40}]
answer = [
    told(hold, later, "in_customs", "held at customs", 5), told(try_out, 32, "on_trial", "nodes on trial", 4),
]
"""

POWER_MODEL = (
    Edit(
        "kernels/course.py", "    return (\n        drawing * pool.compute_w",
        "    writing, loading = writing + loading, 0.0\n",
    ),
    Edit(
        "results/power_series.py", "        return done.loading_s * self.exchange_w",
        "        done = done._replace(loading_s=0.0, writing_s=done.loading_s + done.writing_s)\n",
    ),
)  # fmt: skip
# A job of three hours that loads for one, in one record interval: what it draws in each phase, by the run and by steps.
ASK_POWER_MODEL = """
import numpy as np
import gpusim
from gpusim.results.power_series import power_series
from gpusim.inputs.jobtable import JobTable

site = {"region": "FR", "jurisdiction": "EU", "grid_mw": 5.0, "pools": {"H100": {"gpus": 16}}}
times = {"load_s": 3600.0, "checkpoint_interval_s": 1800.0, "checkpoint_write_s": 60.0, "communication_share": 0.2}
scenario = gpusim.Scenario.from_dict({
    "name": "draws", "run": {"start": "2026-06-01T00:00:00Z", "days": 0.25, "record_s": 21600.0}, "tenants": {"t": {}},
    "sites": {"one": site}, "workload": {"trace": "jobs.csv", "classes": {"train": times}},
})
jobs = JobTable.build(
    {"job_class": ["train"]}, job_id=np.arange(1), submit_s=np.zeros(1), runtime_s=np.full(1, 7200.0),
    gpus=np.full(1, 16),
)
result = gpusim.run(scenario, trace=jobs)
series = power_series(result, "one", 0.0, 21600.0, step_s=10.0)
booked = result.power[["compute_j", "communication_j", "checkpoint_j"]].sum()
loading = series["time_s"] < 3600.0
answer = {
    "scale": float(series["scale"].iloc[0]),
    "booked_j": float(booked.sum()), "checkpoint_j": float(booked["checkpoint_j"]),
    "series_j": float(series["jobs_w"].sum() * 10.0),
    "loading_w": sorted(set(series.loc[loading, "jobs_w"].round(6))),
}
"""


def done(edits: tuple[Edit, ...], program: str, folder: Path) -> dict:
    """The answer of a program to which gpusim is a copy with edits."""
    shutil.copytree(ROOT / "gpusim", folder / "gpusim", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs").symlink_to(ROOT / "docs")  # pages of a report read the glossary there
    for edit in edits:
        path = folder / "gpusim" / edit.file
        text = path.read_text(encoding="utf-8") if edit.before else ""
        assert text.count(edit.before) == 1, edit.file
        path.write_text(text.replace(edit.before, edit.text + edit.before), encoding="utf-8")
    place = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "NUMBA_DISABLE_JIT": "1"}
    say = "import gpusim, json\nprint(json.dumps([gpusim.__file__, answer]))\n"
    ran = subprocess.run(
        [sys.executable, "-c", program + say], cwd=folder, env=place, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    where, answer = json.loads(ran.stdout.splitlines()[-1])
    assert Path(where).is_relative_to(folder)
    return answer


@pytest.mark.parametrize(
    ("what", "edits"),
    [
        ("a key of a scenario", KEY),
        ("a format of traces", TRACE),
        ("a placement that scores nodes", PLACEMENT),
        *(("a section of a report", edits) for edits in SECTIONS.values()),
        ("a cause |", ABSENT),
        ("another power model of jobs", POWER_MODEL),
    ],
)
def test_the_page_names_the_files(what: str, edits: tuple[Edit, ...]) -> None:
    (row,) = [line for line in DOCS["architecture"].splitlines() if line.startswith(f"| {what}")]
    named = re.findall(r"`([\w/.]+)`", row)
    files = {edit.file for edit in edits}
    assert [file for file in files if file not in named and f"{file.rpartition('/')[0]}/" not in named] == []
    assert len(files) <= 4


def test_a_key_of_a_scenario(tmp_path: Path) -> None:
    answer = done(KEY, ASK_KEY, tmp_path)
    assert "sites.here.cats" in answer.pop("said")
    assert answer == {"logged": [3.0], "described": True}


def test_a_format_of_traces(tmp_path: Path) -> None:
    assert done(TRACE, ASK_TRACE, tmp_path) == {"format": "alibaba-spot", "gpus": [32]}


def test_a_placement(tmp_path: Path) -> None:
    """The third job needs a whole node: there is one where jobs are put together, none where they are not."""
    answer = done(PLACEMENT, ASK_PLACEMENT, tmp_path)
    assert answer.pop("starts") == {"LEAST_LEFT": [0.0, 1.0, 2.0], "EMPTIEST": [0.0, 1.0, 100.0]}
    assert answer == {"in_scenarios": "emptiest", "packs": ["emptiest"], "listed": True}


def test_a_section_of_each_kind_of_report(tmp_path: Path) -> None:
    """It is on the page, in its contents, and on the console."""
    shutil.copytree(ROOT / "seeds", tmp_path / "seeds")
    answer = done(tuple(edit for kind in KINDS for edit in SECTIONS[kind]), ASK_SECTIONS, tmp_path)
    assert list(answer) == list(KINDS)
    for on_page, on_console, in_contents in answer.values():
        assert on_console.startswith("There is one ")
        assert on_page == ["How", "many", *on_console.split()]
        assert in_contents


def test_causes_of_absent_gpus(tmp_path: Path) -> None:
    """Of GPUs that are not online yet, and of nodes that are: for both somebody waits who would have had these."""
    customs, trial = done(ABSENT, ASK_ABSENT, tmp_path)
    both = {"conserved": True, "reported": True}
    assert customs == {
        **both, "hours": [48.0, 6.0, 48.0], "pools": [40.0, 32.0, 32.0], "late": "NO_GPU",
        "sentence": "At one, H100 GPUs were held at customs",
    }  # fmt: skip
    assert trial == {
        **both, "hours": [16.0, 2.0, 16.0], "pools": [32.0, 32.0, 32.0], "late": "FAILURE",
        "sentence": "At one, H100 nodes were on trial",
    }  # fmt: skip


def test_a_power_model(tmp_path: Path) -> None:
    """16 GPUs draw 61 W each above idle while they load for an hour, as in a checkpoint: by the run, and by its steps.

    The steps are scaled to the energy of the run, which they have by themselves; with one of the edits they do not.
    """
    told = done(POWER_MODEL, ASK_POWER_MODEL, tmp_path)
    assert told["scale"] == pytest.approx(1.0, rel=1e-12)
    assert told["series_j"] == pytest.approx(told["booked_j"], rel=1e-12)
    assert told["checkpoint_j"] == pytest.approx(16 * 61.0 * (3600.0 + 3 * 60.0))
    assert told["loading_w"] == [16 * 61.0]

"""What "I want to add ..." of docs/architecture.md names is what it takes: done in copies of the package.

More of its rows are done elsewhere: causes (``test_causes``), a section of a report (``report/test_sections``),
policies (``policies/test_custom``, ``policies/test_keys``), what a package of one's own adds (``test_plugins``).
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


def done(edits: tuple[Edit, ...], program: str, folder: Path) -> dict:
    """The answer of a program to which gpusim is a copy with edits."""
    shutil.copytree(ROOT / "gpusim", folder / "gpusim", ignore=shutil.ignore_patterns("__pycache__"))
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
    [("a key of a scenario", KEY), ("a format of traces", TRACE), ("a placement that scores nodes", PLACEMENT)],
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

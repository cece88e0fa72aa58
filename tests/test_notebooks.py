"""Every notebook runs from top to bottom, and is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
# What each notebook finds, as it prints it.
FINDINGS = {
    "01_where_gpu_hours_go": "useful GPU-hours more",
    "02_a_sweep_explored": "of 5 differences from fifo at power 1.0 have a 95% interval that excludes 0",
    "03_from_goal_to_purchase": "change by the plan -",
    "04_the_contracts_of_2025": "a month of delay costs",
    "05_how_many_gpus_does_a_service_need": "GPUs are enough to meet the objectives under every seed",
    "06_a_heat_wave_in_texas": "of the useful GPU-hours",
    "07_what_a_curtailable_connection_is_worth": "the calls cost as much as a firm connection",
    "08_a_run_of_16384_gpus_through_54_days": "no spares: shrinks:",
    "09_how_far_to_oversubscribe": "caps on decoding first: most useful work at",
    "10_which_scheduling_policy": "differences are real",
}
# What is fewer here than there, for time.
FEWER = {
    "01_where_gpu_hours_go": {"DAYS = 7.0": "DAYS = 2.0"},
    "02_a_sweep_explored": {
        '"replications": 8': '"replications": 3',
        "[0.6, 0.8, 1.0, 1.2]": "[0.6, 1.0, 1.2]",
        '"a_sweep_explored")': '"a_sweep_explored", executor="serial")',
    },
    "03_from_goal_to_purchase": {
        "range(100, 106)": "range(100, 103)",
        'jobs_per_day": 450.0': 'jobs_per_day": 450.0, "run.days": 2.0',
        "budget=44": 'budget=20, executor="serial"',
        "budget=75, replications=3": 'budget=24, replications=2, executor="serial"',
        '"range": [0.0, 0.4], "step": 0.1': '"range": [0.0, 0.4], "step": 0.2',
    },
    "04_the_contracts_of_2025": {
        "range(40)": "range(2)",
        "gpusim.run(scenario)": 'gpusim.run(scenario.with_({"run.days": 400.0}))',
    },
    "05_how_many_gpus_does_a_service_need": {
        '"replications": 3': '"replications": 1',
        '"replications": 2': '"replications": 1',
        "[4, 5, 6, 7, 8]": "[5, 6, 7]",
        'OUT / "replicas")': 'OUT / "replicas", executor="serial")',
        'OUT / "training")': 'OUT / "training", executor="serial")',
        '"run.days": 1.0': '"run.days": 0.25',
        '"run.days": 12 / 24': '"run.days": 6 / 24',
    },
    "07_what_a_curtailable_connection_is_worth": {
        "DAYS = 8, 120.0": "DAYS = 8, 40.0",
        "(30.0, 60.0, 90.0)": "(10.0, 20.0, 30.0)",
    },
    "08_a_run_of_16384_gpus_through_54_days": {"16_384, 54.0, 64": "16_384, 10.0, 64", "(2, 10, 30)": "(10, 30)"},
    "09_how_far_to_oversubscribe": {"(1.0, 1.2, 1.4, 1.6, 1.8)": "(1.0, 1.4, 1.8)"},
    "10_which_scheduling_policy": {
        '"replications": 12': '"replications": 2',
        '"run.days": 1.5': '"run.days": 0.75',
        '"which_policy")': '"which_policy", executor="serial")',
    },
}


@pytest.mark.parametrize("name", FINDINGS)
def test_runs(name):
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "clear the outputs before saving"
    for many, few in FEWER.get(name, {}).items():
        assert any(many in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(many, few)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": FOLDER}})
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any(FINDINGS[name] in output.get("text", "") for output in shown)


def test_there_are_no_others():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(FINDINGS)

"""What a folder holds that gpusim wrote, and the command that shows it: for who gave it to another one."""

from __future__ import annotations

import json
from pathlib import Path

SWEEP = "sweep.json"  # of a store of runs
RELIEF, PLAN = "relief", "plan.toml"


def contents_of(folder: Path) -> str:
    """A sentence on a folder that is no run: what it is, and what shows it; empty if it is nothing that is known."""
    if (folder / RELIEF / "manifest.json").is_file():
        return (
            f"is a relief study, not a run; `gpusim report {folder}` draws its page, and {folder / 'base'} is the run"
            " of its scenario as it is"
        )
    if (folder / PLAN).is_file() and (folder / "runs" / SWEEP).is_file():
        return (
            f"is a plan, not a run; its page is {folder / 'report.html'}, and `gpusim run {folder / PLAN}` runs"
            " what it buys"
        )
    study = study_of(folder)
    if study == "sweep":
        return (
            f"is a sweep, not a run; `gpusim report {folder}` draws its page, and `gpusim sweep status {folder}` says"
            " how far it is"
        )
    return f"holds the runs of a {study} study, not a run; its page is {folder.parent / 'report.html'}" if study else ""


def study_of(folder: Path) -> str:
    """Kind of the study whose store a folder is: sweep, plan, relief; empty if it is none."""
    try:
        about = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
        return str(about["study"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""

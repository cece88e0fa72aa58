"""Where the replications of a saved run are: a store in a folder beside its tables."""

from __future__ import annotations

from pathlib import Path

from gpusim.studies.replications.replications import Replications

FOLDER = "replications"


def replications_in(folder: Path) -> Replications | None:
    """Those that stand beside a saved run; None where there are none but the run itself."""
    if not (folder / FOLDER / "sweep.json").is_file():
        return None
    found = Replications.load(folder / FOLDER)
    return found if len(found) > 1 else None

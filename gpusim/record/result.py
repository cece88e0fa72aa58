"""What a run leaves behind: tables, a manifest, and questions that can be asked of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import ResultError

TABLES = (
    "jobs", "job_waits", "ledger", "waits", "pools", "power", "sites", "costs", "services", "events",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """Tables and manifest of one run.

    Attributes
    ----------
    manifest : dict
        Scenario, its hash, seed, versions, wall time. All but ``wall_s`` is the same on every run.
    tables : dict of str to DataFrame
        The tables of ``TABLES``, also as attributes; units are in the column names.
    """

    manifest: dict
    tables: dict[str, pd.DataFrame]

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLES:
            return self.tables[name]
        raise AttributeError(name)

    def bottlenecks(self) -> pd.DataFrame:
        """Ranked losses of GPU-hours, each with a sentence."""
        from gpusim.analysis.bottlenecks import bottlenecks

        return bottlenecks(self)

    def metrics(self) -> pd.Series:
        """Headline figures of the run."""
        from gpusim.analysis.metrics import metrics

        return metrics(self)

    def figures(self, folder: str | Path) -> list[Path]:
        """Draw all figures as PNG files into a folder."""
        from gpusim.report.figures import draw_all

        return draw_all(self, Path(folder))

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page."""
        from gpusim.report.page import write

        return write(self, Path(path))

    def save(self, folder: str | Path) -> Path:
        """Write Parquet tables and manifest; a killed run leaves nothing that looks whole.

        Everything goes to a temporary folder beside the target, which takes the target's place at the end.
        """
        folder = Path(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        sums = {}
        for name in TABLES:
            file = partial / f"{name}.parquet"
            self.tables[name].to_parquet(file, index=False)
            sums[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        text = json.dumps({**self.manifest, "sha256": sums}, indent=1, sort_keys=True, default=str)
        (partial / "manifest.json").write_text(text, encoding="utf-8")
        if folder.exists():
            if not (folder / "manifest.json").exists() and any(folder.iterdir()):
                shutil.rmtree(partial)
                raise ResultError(f"{folder} exists and holds no gpusim result; choose another folder")
            shutil.rmtree(folder)
        partial.replace(folder)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Result:
        """Read a saved result; ``ResultError`` names what is missing or damaged."""
        folder = Path(folder)
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            sums = manifest.pop("sha256")
        except FileNotFoundError:
            raise ResultError(f"{folder}: no manifest.json, so no whole result; run the scenario again") from None
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError):
            raise ResultError(f"{folder / 'manifest.json'}: damaged; run the scenario again") from None
        tables, faults = {}, []
        for name in TABLES:
            file = folder / f"{name}.parquet"
            if not file.exists():
                faults.append(f"{file.name} is missing")
            elif hashlib.sha256(file.read_bytes()).hexdigest() != sums.get(file.name):
                faults.append(f"{file.name} is not what was saved")
            else:
                tables[name] = pd.read_parquet(file)
        if faults:
            raise ResultError(f"{folder}: {'; '.join(faults)}; run the scenario again")
        return cls(manifest, tables)

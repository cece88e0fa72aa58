"""The store of a study: a folder of finished runs that can be read, and added to, at any time.

A run is one file (``run_file``), whole or absent: it is written beside its place under a hidden name and then renamed.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gpusim.errors import StoreError, one_line, reason
from gpusim.results.measure import Measure
from gpusim.results.tables.folder import contents_of
from gpusim.studies import run_file
from gpusim.units import number_of

FORMAT = 1  # of the folder; any other number is refused
ABOUT, DESIGN, RUNS, FAILURES, WARM_UP = "sweep.json", "design.parquet", "runs", "failures", "warm_up.json"
DIGEST = b"gpusim digest"  # of a design, in its own metadata
_REPAIR = "delete it and run the study again: its finished runs are kept"
ABANDONED_S = 3600.0  # age at which a half-written file is nobody's any more


class Store:
    """Finished runs of a study in a folder.

    Attributes
    ----------
    folder : Path
        ``sweep.json`` says what made it, ``design.parquet`` holds one row per run (run, point, replication, seed,
        axes), ``runs/`` one Parquet file per finished run, ``failures/`` the errors of those that failed.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def __repr__(self) -> str:
        runs = f"{number_of(len(self.finished()), 'finished run')}, {len(self.failures()):,} failed"
        return one_line(f"<Store {self.folder}: {runs}>")

    @classmethod
    def create(cls, folder: str | Path, about: dict) -> Store:
        """The store in a folder, made if there is none; ``about`` says what makes it now.

        Raises
        ------
        StoreError
            If the folder holds something else, or cannot be written.
        """
        store = cls(Path(folder))
        if store.folder.exists() and not store.folder.is_dir():  # a device too
            raise StoreError(f"{folder}: is a file; choose another name")
        if store.folder.is_dir() and any(store.folder.iterdir()):
            if (store.folder / ABOUT).exists() or not (store.folder / RUNS).is_dir():
                cls.open(folder)  # refuses what is no store
        try:
            for part in (RUNS, FAILURES):
                (store.folder / part).mkdir(parents=True, exist_ok=True)
            store._clear_abandoned()
        except OSError as error:
            raise _unwritable(folder, error) from None
        store._write(store.folder / ABOUT, _json({**about, "format": FORMAT}))
        return store

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """The store that is in a folder; ``StoreError`` if there is none."""
        store = cls(Path(folder))
        about = store._read_about()
        if about.get("format") != FORMAT:
            raise StoreError(
                f"{folder}: is a store of format {about.get('format')!r}, this version of gpusim reads {FORMAT} only;"
                " run the study again into another folder"
            )
        return store

    @property
    def about(self) -> dict:
        """What made the store."""
        return {key: value for key, value in self._read_about().items() if key != "format"}

    # Runs -------------------------------------------------------------------------------------------------------

    def finished(self) -> dict[str, Path]:
        """Files of finished runs by their key."""
        files = ((run_file.NAME.fullmatch(file.name), file) for file in sorted((self.folder / RUNS).glob("*.parquet")))
        return {name["key"]: file for name, file in files if name}

    def foreign(self) -> list[Path]:
        """Files among those of runs and failures that no study wrote; they are left alone."""
        runs = [file for file in (self.folder / RUNS).glob("*") if not run_file.NAME.fullmatch(file.name)]
        failures = [file for file in (self.folder / FAILURES).glob("*") if file.suffix != ".json"]
        return sorted(file for file in runs + failures if not file.name.startswith("."))

    def put(self, key: str, content: bytes) -> None:
        """Keep a finished run, whose failure, if it had one, is over."""
        self._write(self.folder / RUNS / f"{key}.{run_file.digest(content)}.parquet", content)
        self._failure(key).unlink(missing_ok=True)

    def holds(self, key: str, content: bytes) -> bool:
        """Whether a run is kept, and is this to the byte."""
        file = self.finished().get(key)
        return file is not None and run_file.NAME.fullmatch(file.name)["digest"] == run_file.digest(content)

    def discard(self) -> None:
        """Remove all finished runs."""
        for file in self.finished().values():
            file.unlink(missing_ok=True)

    def fail(self, key: str, error: dict) -> None:
        """Record why a run failed: kind and message, and what else helps to find the reason."""
        self._write(self._failure(key), _json(error))

    def failures(self) -> dict[str, dict]:
        """Errors of runs that failed, by their key."""
        errors = {file.stem: _error_in(file) for file in sorted((self.folder / FAILURES).glob("*.json"))}
        return {key: error for key, error in errors.items() if error}

    def damaged(self, keys: Iterable[str] | None = None) -> list[Path]:
        """Files of finished runs (of some keys) that are not what was written."""
        files = self.finished()
        return [
            files[key]
            for key in (files if keys is None else keys)
            if key in files and run_file.content_of(files[key]) is None
        ]

    def discard_damaged(self, keys: Iterable[str] | None = None) -> list[Path]:
        """Remove damaged files of runs (of some keys); which they were."""
        files = self.damaged(keys)
        for file in files:
            file.unlink()
        return files

    # Warm-up ----------------------------------------------------------------------------------------------------

    def remember_warm_up_s(self, pilots: list[str], found_s: float) -> None:
        """Keep the warm-up [s] that pilot runs (their keys) called for."""
        self._write(self.folder / WARM_UP, _json({"pilots": pilots, "warm_up_s": found_s}))

    def recall_warm_up_s(self, pilots: list[str]) -> float | None:
        """The warm-up [s] that these pilot runs called for; None if they have not run for this store."""
        try:
            kept = json.loads((self.folder / WARM_UP).read_bytes())
            return float(kept["warm_up_s"]) if kept["pilots"] == pilots else None
        except (OSError, ValueError, KeyError, TypeError):  # absent, or damaged: they run again
            return None

    # Tables -----------------------------------------------------------------------------------------------------

    def set_design(self, design: pd.DataFrame) -> None:
        """Keep which run is which: columns run (key), point, replication, seed, and one per axis.

        Failures of runs that are not in it any more are forgotten.
        """
        table = pa.Table.from_pandas(design, preserve_index=False)
        table = table.replace_schema_metadata({**table.schema.metadata, DIGEST: _digest_of_table(design)})
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer)
        self._write(self.folder / DESIGN, buffer.getvalue().to_pybytes())
        for key in self.failures().keys() - set(design["run"]):
            self._failure(key).unlink(missing_ok=True)

    def design(self) -> pd.DataFrame:
        """Which run is which: one row per run, finished or not."""
        path, repair = self.folder / DESIGN, "run the study again, its finished runs are kept"
        try:
            table = pq.ParquetFile(path).read()
            design, digest = table.to_pandas(), table.schema.metadata[DIGEST].decode()
        except FileNotFoundError:
            raise StoreError(f"{path}: missing; {repair}") from None
        except Exception as error:  # damage shows as errors of any kind
            raise StoreError(f"{path}: damaged ({error}); {repair}") from None
        if _digest_of_table(design) != digest:
            raise StoreError(f"{path}: damaged (it is not what was written); {repair}")
        return design

    def status(self) -> pd.DataFrame:
        """The design with a column status: finished, failed or missing."""
        design, finished, failed = self.design(), self.finished(), self.failures()
        status = ["finished" if key in finished else "failed" if key in failed else "missing" for key in design["run"]]
        return design.assign(status=status)

    def outcomes(self, keys: Iterable[str] | None = None) -> pd.DataFrame:
        """All figures of finished runs (of some keys): columns run and those of ``gpusim.results.outcome``.

        Raises
        ------
        StoreError
            With the names of all files that are damaged.
        """
        files = self.finished()
        wanted = [files[key] for key in (files if keys is None else dict.fromkeys(keys)) if key in files]
        tables, damaged = [], []
        for file in wanted:
            content = run_file.content_of(file)
            if content is None:
                damaged.append(str(file))
            elif not damaged:
                tables.append(pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False))
        if damaged:
            raise StoreError(f"damaged: {', '.join(damaged)}; run the study again, which repeats these runs")
        if not tables:
            return pd.DataFrame(columns=["run", *run_file.OUTCOME]).astype({"value": float})
        return pa.concat_tables(tables).unify_dictionaries().to_pandas()

    def table(self) -> pd.DataFrame:
        """One row per finished run: its row of the design, then its figures, each under its name (``Measure.text``).

        A cause that a run has no row of cost it nothing: 0. Other figures that it lacks are NaN.
        """
        design = self.design()
        long = self.outcomes(design["run"])
        figures = long.groupby(run_file.OUTCOME[:-1], sort=False, observed=True)
        measures = [Measure(*map(str, names)) for names in figures.groups] if len(long) else []
        wide = long.assign(figure=figures.ngroup()).pivot(index="run", columns="figure", values="value")
        wide.columns = [measure.text for measure in measures]
        by_cause = [measure.text for measure in measures if measure.cause]
        wide[by_cause] = wide[by_cause].fillna(0.0)
        merged = design.merge(wide, left_on="run", right_index=True, how="inner", validate="many_to_one")
        return merged.copy()  # in one piece: pandas warns of adding a column to hundreds of pieces

    # Files ------------------------------------------------------------------------------------------------------

    def _failure(self, key: str) -> Path:
        return self.folder / FAILURES / f"{key}.json"

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file so that it is whole or absent, and an earlier one stays until then."""
        partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            raise _unwritable(path, error) from None
        finally:
            partial.unlink(missing_ok=True)

    def _clear_abandoned(self) -> None:
        """Remove what studies left half-written when they were killed; another one may be writing right now."""
        for partial in self.folder.glob("**/.*.partial*"):
            try:
                if time.time() - partial.stat().st_mtime > ABANDONED_S:
                    partial.unlink()
            except FileNotFoundError:  # by now it is written
                pass

    def _read_about(self) -> dict:
        path = self.folder / ABOUT
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            if (self.folder / "manifest.json").is_file():
                what = f"holds a run, not a study; `gpusim report {self.folder}` draws its page"
            else:
                what = contents_of(self.folder) or ("holds no study" if self.folder.exists() else "no such folder")
                what = what.replace(", not a run", "") + "; give the folder that `gpusim sweep` wrote"
            raise StoreError(f"{self.folder}: {what}") from None
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be read ({reason(error)})") from None
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path}: damaged ({error}); {_REPAIR}") from None
        if not isinstance(about, dict):
            raise StoreError(f"{path}: is not what gpusim wrote; {_REPAIR}")
        return about


def _digest_of_table(table: pd.DataFrame) -> str:
    return run_file.digest(table.to_csv(index=False).encode())


def _error_in(file: Path) -> dict | None:
    """What a record of a failure says; None if it has gone by now."""
    try:
        error = json.loads(file.read_text(encoding="utf-8"))
        return {**error, "kind": str(error["kind"]), "message": str(error["message"])}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return {"kind": "Unknown", "message": f"{file} is damaged; run the study again"}


def _json(table: dict) -> bytes:
    """Not sorted: the order of axes, and of the cases of each, is part of a design."""
    return json.dumps(table, indent=1, default=str).encode()


def _unwritable(path: str | Path, error: OSError) -> StoreError:
    return StoreError(f"{path}: cannot be written ({reason(error)}); repair that, or choose another folder")

"""The rows of a CSV trace as typed columns, with line numbers, and every unreadable cell told together."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd

from gpusim.errors import did_you_mean
from gpusim.inputs.traces.source import Source

# How publishers write "nothing": empty, Python's, numpy's, SQL's and Slurm's word.
MISSING = ("", "None", "none", "NULL", "null", "NaN", "nan", "NaT", "NA", "N/A", "Unknown")
ZONE = r"(?:Z|[+-]\d\d:?\d\d)$"


class Rows:
    """Rows of a CSV file; blank lines are left out and counted.

    Attributes
    ----------
    frame : DataFrame
        As written: text columns are str, the others numbers where all cells are numbers.
    lines : ndarray of int, shape (n_rows,)
        Line number of each row in the file.
    """

    def __init__(
        self,
        source: Source,
        required: dict[str, type],
        optional: dict[str, type] | None = None,
        *,
        names: list[str] | None = None,
    ):
        """Read columns of type ``float`` or ``str``, only compare others. ``names``: the file has no header line."""
        self.source, self.faults = source, source.faults
        kinds = {**required, **(optional or {})}
        header = names if names is not None else source.header
        self._check_header(header, required)
        frame, self._first_line = _parse(source, header, has_header=names is None, kinds=kinds)
        blank = (frame.isna() | (frame == "")).all(axis=1).to_numpy()
        self.lines = np.flatnonzero(~blank) + self._first_line
        self.frame = frame[~blank].reset_index(drop=True)
        source.note("blank lines", blank.sum())
        if not len(self.frame):
            self.faults.stop("no rows after the header line")
        source.note("exact duplicate rows kept", self.frame.duplicated().sum())

    def _check_header(self, header: list[str], required: dict[str, type]) -> None:
        for name in required:
            if name not in header:
                self.faults.add(
                    f"column '{name}' is missing{did_you_mean(name, header)}; found: {', '.join(header)[:200]}"
                )
        for name in sorted({name for name in header if name and header.count(name) > 1}):
            self.faults.add(f"column '{name}' stands twice in the header line")
        self.faults.check()

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, column: str) -> bool:
        return column in self.frame.columns

    def number(self, column: str) -> np.ndarray:
        """Numbers of a column, float64, NaN where missing; text in it is a fault."""
        cells = self.frame[column]
        if cells.dtype.kind in "iuf":
            values = cells.to_numpy(dtype="f8")
        else:
            cells = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
            missing = cells.isin(MISSING).to_numpy()
            values = pd.to_numeric(cells.where(~missing, "nan"), errors="coerce").to_numpy(dtype="f8")
            bad = np.isnan(values) & ~missing
            self.faults.add_rows(f"column '{column}' must hold numbers", bad, self.lines, cells.to_numpy())
        infinite = np.isinf(values)
        self.faults.add_rows(f"column '{column}' must be finite", infinite, self.lines, values)
        return values

    def identity(self, column: str) -> np.ndarray:
        """Whole-number identities where the column has them, otherwise its texts (int64 or object)."""
        cells = self.frame[column]
        if cells.dtype.kind == "i":
            return cells.to_numpy()
        return self.text(column)

    def text(self, column: str) -> np.ndarray:
        """Texts of a column, '' where missing."""
        cells = self.frame[column]
        return cells.astype(object).where(cells.notna(), "").astype(str).to_numpy(dtype=object)

    def time(self, column: str) -> np.ndarray:
        """Calendar times of a column in UTC, datetime64[us], NaT where missing; a time without a zone is UTC."""
        cells = pd.Series(self.text(column), dtype=object).str.strip()
        missing = cells.isin(MISSING)
        parsed = pd.to_datetime(cells.where(~missing), format="ISO8601", utc=True, errors="coerce")
        bad = (parsed.isna() & ~missing).to_numpy()
        self.faults.add_rows(
            f"column '{column}' must hold times like 2020-04-01 13:00:00", bad, self.lines, cells.to_numpy()
        )
        return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")

    def note_unzoned(self, column: str) -> None:
        """Count the times of ``column`` that name no zone and were therefore read as UTC."""
        cells = pd.Series(self.text(column), dtype=object).str.strip()
        zoned = cells.str.contains(ZONE, regex=True) | cells.isin(MISSING)
        self.source.note("times without a zone, taken as UTC", (~zoned).sum())


def _parse(source: Source, header: list[str], *, has_header: bool, kinds: dict[str, type]) -> tuple[pd.DataFrame, int]:
    """The whole file as a frame, blank lines included so that row numbers give line numbers; first data line."""
    skipped = _lines_before_data(source) if has_header else 0
    _long_rows(source, len(header), skipped)
    names = [name or f"unnamed {position}" for position, name in enumerate(header)]
    try:
        frame = pd.read_csv(
            io.BytesIO(source.data),
            skiprows=skipped,
            header=None,
            names=names,
            index_col=False,
            dtype={name: str for name in names if kinds.get(name, str) is str},
            skip_blank_lines=False,
            keep_default_na=False,
            na_values={name: list(MISSING) for name in names if kinds.get(name) is float},
            encoding="utf-8-sig",
            float_precision="round_trip",
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        source.faults.stop(f"not readable as CSV: {str(error).strip()}")
    return frame, skipped + 1


def _lines_before_data(source: Source) -> int:
    """Lines up to and including the header line."""
    reader = io.StringIO(source.data[: 1 << 20].decode("utf-8-sig", errors="ignore"), newline="")
    for number, line in enumerate(reader, start=1):
        if line.strip() and not line.startswith("# "):
            return number
    return 0


def _long_rows(source: Source, width: int, skipped: int) -> None:
    """Fault for each row with more cells than the header: pandas stops at the first, or drops cells."""
    places, found = [], []
    for number, line in enumerate(source.data.split(b"\n"), start=1):
        if number <= skipped or line.count(b",") < width:
            continue
        cells = next(csv.reader([line.decode("utf-8", errors="replace")]), [])
        if len(cells) > width and any(cells[width:]):  # a lone trailing comma loses nothing
            places.append(number)
            found.append(f"{len(cells)} cells")
    source.faults.add_places(f"rows longer than the {width} columns", places, found)
    source.faults.check()

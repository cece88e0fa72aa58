"""What is served of a folder: its report, its tables and their files, and answers to what is asked of it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import pandas as pd

from gpusim.errors import ResultError, reason
from gpusim.report import document
from gpusim.report.explore.lanes import bars, placed, shown_of
from gpusim.report.findings import Findings
from gpusim.report.served.server import Folder
from gpusim.results.tables.record import Record
from gpusim.units import DAY_S

# What is asked of a result while its page is looked at: all jobs of a window, rows of a table.

MOST_ROWS = 1_000  # of a table at a time

Query = dict[str, list[str]]  # values by name, as of a web address


class Answers:
    """Answers from a result, as JSON takes them."""

    def __init__(self, result: Record):
        self.result = result.as_stored()

    @cached_property
    def _jobs(self) -> pd.DataFrame:
        return placed(self.result)

    def lanes(self, query: Query) -> dict[str, object]:
        """Bars of jobs of a pool between two days, of the tenants that are named if any, and how many of all."""
        start_s, end_s = (float(query[name][0]) * DAY_S for name in ("from", "to"))
        jobs = self._jobs
        inside = (jobs["pool"] == query["pool"][0]) & (jobs["start_s"] < end_s) & (jobs["last_s"] > start_s)
        if query.get("tenant"):
            inside &= jobs["tenant"].isin(query["tenant"])
        own = jobs[inside]
        shown = bars(own) if len(own) else own
        return {"rows": _plain(shown) if len(own) else [], "said": shown_of(len(shown), len(own))}

    def rows(self, query: Query) -> dict[str, object]:
        """Some rows of a table, sorted and searched, as DataTables asks (datatables.net/manual/server-side)."""
        table = self.result.tables[query["table"][0]]
        found, word = table, query.get("search[value]", [""])[0]
        if word:
            texts = [table[name].astype(str) for name in table if not pd.api.types.is_numeric_dtype(table[name])]
            found = table[
                pd.concat([text.str.contains(word, case=False, regex=False) for text in texts], axis=1).any(axis=1)
            ]
        if "order[0][column]" in query:
            by = table.columns[int(query["order[0][column]"][0])]
            found = found.sort_values(by, ascending=query["order[0][dir]"][0] == "asc", kind="stable")
        first, count = int(query["start"][0]), int(query["length"][0])
        part = found.iloc[first : first + min(max(count, 0), MOST_ROWS)]
        return {
            "draw": int(query["draw"][0]), "recordsTotal": len(table), "recordsFiltered": len(found),
            "data": [[_cell(value) for value in row] for row in part.itertuples(index=False)],
        }  # fmt: skip


def _plain(table: pd.DataFrame) -> list[dict]:
    texts = table.select_dtypes(exclude="number").columns
    return table.astype(dict.fromkeys(texts, str)).to_dict("records")


def _cell(value: object) -> str:
    if value != value:  # NaN
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)


# What is served of a folder: its report, a page of each table, the tables as files, and answers.

REPORT = "report.html"
MARK = '<head>\n<meta name="served" content="/tables/jobs">'  # by which the page knows that more can be asked for


def serve(folder: Path, findings: object, port: int) -> Folder:
    """A server of the folder of a result or a study, which serves once it is told to.

    Raises
    ------
    ResultError
        If the folder has no report, or the port cannot be had.
    """
    page = folder / REPORT
    if not page.is_file():
        raise ResultError(f"{page}: no such file; `gpusim report {folder}` draws it")
    text = page.read_text(encoding="utf-8")
    files, pages, answers = {f"/{REPORT}": page}, {}, {}
    if isinstance(findings, Findings):
        asked = Answers(findings.result)
        tables = findings.result.tables
        base = folder if (folder / "manifest.json").is_file() else folder / "base"
        files |= {f"/{name}.parquet": base / f"{name}.parquet" for name in tables}
        pages |= {f"/tables/{name}": _table_page(name, table, list(tables)) for name, table in tables.items()}
        answers = {"/lanes": asked.lanes, "/rows": asked.rows}
        text = text.replace("<head>", MARK, 1)
    pages["/"] = text.encode()
    try:
        return Folder(port, pages, files, answers)
    except OSError as error:
        raise ResultError(f"--port {port}: {reason(error)}; choose another, or leave it out for a free one") from None


def _table_page(name: str, table: pd.DataFrame, names: list[str]) -> bytes:
    """A page of a table, whose rows the browser asks for as they are looked at."""
    columns = [(column, not pd.api.types.is_numeric_dtype(table[column])) for column in table]
    shown = document.page("served/table.html", name=name, names=names, columns=columns, rows=len(table),
                          asked=json.dumps(name))  # fmt: skip
    return shown.encode()

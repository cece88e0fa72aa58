"""What is served of a folder: its report, a page of each table, the tables as files, and answers."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from gpusim.errors import ResultError, reason
from gpusim.report import document
from gpusim.report.findings import Findings
from gpusim.report.served.answers import Answers
from gpusim.report.served.server import Folder

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

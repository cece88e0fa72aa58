"""Anchors as a table: for the terminal, as a page and as a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.markup import escape
from rich.table import Table

from gpusim.report import document
from gpusim.report.tables import Column, text
from gpusim.units import number_of
from gpusim.validation.anchor import Row
from gpusim.validation.suite import SOURCES


def table_of(rows: list[Row]) -> Table:
    """Ours beside theirs with deviation, tolerance and verdict; relative figures in per cent."""
    table = Table(title="Validation anchors")
    for column in ("#", "what", "theirs", "ours", "deviation", "tolerance", "verdict"):
        table.add_column(column, justify="left" if column in ("what", "verdict") else "right")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before.item != row.item:
            table.add_section()
        ours = f"[yellow]{row.skipped}" if row.skipped else _number(row.ours)
        verdict = "[yellow]skipped" if row.skipped else "[green]pass" if row.passed else "[bold red]FAIL"
        deviation = "" if row.skipped else _share(row.deviation, row.expected, "+") if row.deviation else "0"
        tolerance = _share(row.tolerance, row.expected) if row.tolerance else "exact"
        table.add_row(str(row.item), escape(row.what), _number(row.expected), ours, deviation, tolerance, verdict)
    return table


def frame_of(rows: list[Row]) -> pd.DataFrame:
    """One row a case: ``anchor``, ``case``, ``source``, ``theirs``, ``ours``, ``tolerance``, ``verdict``, ``skipped``.

    Verdicts are "pass", "FAIL" and "skipped"; the last column says why a case was.
    """
    return pd.DataFrame(
        {
            "anchor": [row.item for row in rows],
            "case": [row.what for row in rows],
            "source": [SOURCES.get(row.item, "") for row in rows],
            "theirs": [float(row.expected) for row in rows],
            "ours": [float(row.ours) for row in rows],
            "tolerance": [float(row.tolerance) for row in rows],
            "verdict": ["skipped" if row.skipped else "pass" if row.passed else "FAIL" for row in rows],
            "skipped": [row.skipped for row in rows],
        }
    )


def write(rows: list[Row], folder: Path, version: str) -> None:
    """Write ``validation.html`` and ``validation.parquet`` of all cases to a folder, which is made if it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = frame_of(rows)
    cases.to_parquet(folder / "validation.parquet", index=False)
    cases["verdict"] = [
        f"skipped: {row.skipped}" if row.skipped else verdict for row, verdict in zip(rows, cases["verdict"])
    ]
    cases["within"] = [_share(row.tolerance, row.expected) if row.tolerance else "exact" for row in rows]
    columns = (
        Column("anchor", "#", str), text("case", "case"), text("source", "source"), Column("theirs", "theirs", _number),
        Column("ours", "ours", _number, none=""), text("within", "tolerance"), text("verdict", "verdict"),
    )  # fmt: skip
    document.write(
        folder / "validation.html",
        "validation.html",
        [],
        {},
        parts=[{"name": "all", "title": "Cases", "listed": False, "template": "cases.html"}],
        tables={"cases": document.table(cases, columns)},
        summary=summary_of(rows),
        version=version,
    )


def summary_of(rows: list[Row]) -> str:
    """One line: how many figures agree, and which anchors do not."""
    failed = [row for row in rows if not row.passed]
    skipped = sum(bool(row.skipped) for row in rows)
    agreed = len(rows) - len(failed) - skipped
    agree = "agrees" if agreed == 1 else "agree"
    do = "does" if len(failed) == 1 else "do"
    text = f"{number_of(agreed, 'figure')} {agree}, {len(failed)} {do} not, {skipped} skipped"
    items = sorted({row.item for row in failed})
    return f"{text}; failed anchors: {', '.join(map(str, items))}" if items else text


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e5 or (value == round(value) and abs(value) >= 1000) else f"{value:,.6g}"


def _share(value: float, expected: float, sign: str = "") -> str:
    return f"{value:{sign}.2g}" if expected == 0.0 else f"{100 * value:{sign}.2g} %"

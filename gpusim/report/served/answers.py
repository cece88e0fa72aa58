"""What is asked of a result while its page is looked at: all jobs of a window, rows of a table."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from gpusim.report.explore.lanes import bars, placed, shown_of
from gpusim.tables.record import Record
from gpusim.units import DAY_S

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

"""The hardware catalogue as tables for the terminal: figures side by side, then where each comes from."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from gpusim.scenario.hardware import figures


def tables() -> tuple[Table, Table, Table]:
    """Figures by field and GPU type (assumptions marked by a star), their sources, and the cooling of halls."""
    rows = figures()
    gpus = list(dict.fromkeys(row["gpu"] for row in rows))
    at = {(row["field"], row["gpu"]): row for row in rows}
    values = Table("field", "unit", title="GPU types (* assumption)")
    for gpu in gpus:
        values.add_column(gpu, justify="right", no_wrap=True)
    sources = Table("field", "GPU", "basis", "source", "date", title="Sources", box=SIMPLE)
    for field in dict.fromkeys(row["field"] for row in rows):
        mine = [at[field, gpu] for gpu in gpus]
        marks = ["*" if row["basis"] == "assumption" else " " for row in mine]
        values.add_row(field, mine[0]["unit"], *(row["value"] + mark for row, mark in zip(mine, marks, strict=True)))
        texts: dict[tuple[str, str, str], list[str]] = {}
        for row in mine:
            texts.setdefault((row["basis"], row["source"], row["date"]), []).append(row["gpu"])
        for i, ((basis, source, date), names) in enumerate(texts.items()):
            shown = "all" if len(names) == len(gpus) else ", ".join(names)
            sources.add_row("" if i else field, shown, basis, source, date, end_section=i == len(texts) - 1)
    return values, sources, _cooling()


def _cooling() -> Table:
    table = Table("medium", "field", "value", "unit", "basis", "source", "date", title="Cooling of halls", box=SIMPLE)
    rows = figures("cooling")
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        table.add_row(*row.values(), end_section=following is not None and following["medium"] != row["medium"])
    return table

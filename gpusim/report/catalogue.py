"""The catalogue as tables for the terminal: GPU types side by side and where each figure is from; then the rest."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from gpusim.inputs.climatology import sources
from gpusim.scenario.hardware import figures

COLUMNS = 7  # GPU types side by side, on 120 columns


def tables() -> tuple[Table, ...]:
    """Figures by field and GPU type (assumptions marked by a star), their sources; cooling, failures, repairs."""
    rows = figures()
    gpus = list(dict.fromkeys(row["gpu"] for row in rows))
    at = {(row["field"], row["gpu"]): row for row in rows}
    values = [_of_types(at, gpus[i : i + COLUMNS]) for i in range(0, len(gpus), COLUMNS)]
    origins = Table("field", "GPU", "basis", "source", "date", title="Sources", box=SIMPLE)
    for field in dict.fromkeys(row["field"] for row in rows):
        mine = [at[field, gpu] for gpu in gpus]
        texts: dict[tuple[str, str, str], list[str]] = {}
        for row in mine:
            texts.setdefault((row["basis"], row["source"], row["date"]), []).append(row["gpu"])
        for i, ((basis, source, date), names) in enumerate(texts.items()):
            shown = "all" if len(names) == len(gpus) else ", ".join(names)
            origins.add_row("" if i else field, shown, basis, source, date, end_section=i == len(texts) - 1)
    listed = {
        "on_site": "Power made and stored on site",
        "cooling": "Cooling of halls",
        "marginal": "Marginal carbon over average",
        "prices": "Levels of prices by year",
    }
    rest = [_listed(figures(name), title) for name, title in listed.items()]
    regions = _listed(sources(), "Typical years of regions")
    return *values, origins, *rest, regions, _failures(), _listed(figures("repairs"), "Kinds of repair")


def _of_types(at: dict[tuple[str, str], dict[str, str]], gpus: list[str]) -> Table:
    """Their figures side by side."""
    table = Table("field", "unit", title="GPU types (* assumption)", box=SIMPLE, collapse_padding=True, pad_edge=False)
    for gpu in gpus:
        table.add_column(gpu, justify="right", no_wrap=True)
    for field in dict.fromkeys(field for field, _gpu in at):
        mine = [at[field, gpu] for gpu in gpus]
        marks = ["*" if row["basis"] == "assumption" else " " for row in mine]
        table.add_row(field, mine[0]["unit"], *(row["value"] + mark for row, mark in zip(mine, marks, strict=True)))
    return table


def _listed(rows: list[dict[str, str]], title: str) -> Table:
    """A file of the catalogue as it is, a line between those of different first columns."""
    first = next(iter(rows[0]))
    table = Table(*rows[0], title=title, box=SIMPLE)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        table.add_row(*row.values(), end_section=following is not None and following[first] != row[first])
    return table


def _failures() -> Table:
    """A row per cause: its rate with the source, and the weights of its repairs."""
    title = "Failures of one unit (* assumption)"
    table = Table("mix", "cause", "of", "in 1000 d", "repairs*", "source", "date", title=title, box=SIMPLE)
    rows: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in figures("failures"):
        rows.setdefault((row["mix"], row["cause"]), []).append(row)
    for (mix, cause), (rate, *repairs) in rows.items():
        weights = ", ".join(f"{row['field'].removeprefix('repair.')} {row['value']}" for row in repairs)
        table.add_row(mix, cause, rate["of"], rate["value"], weights, rate["source"], rate["date"])
    return table

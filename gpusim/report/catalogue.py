"""The catalogues as tables for the terminal: GPU types, rules, policies, and where each figure is from."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Column, Table

from gpusim.inputs.climatology import sources
from gpusim.report.reference import meaning
from gpusim.scenario import kinds
from gpusim.scenario.dispatches import DISPATCHES
from gpusim.scenario.hardware import figures
from gpusim.scenario.orders import ORDERS, How
from gpusim.scenario.placements import PLACEMENTS
from gpusim.scenario.rule import Rule, SiteRule
from gpusim.scenario.rules import Rules
from gpusim.scenario.rules import figures as rule_figures

# The catalogue as tables for the terminal: GPU types side by side and where each figure is from; then the rest.

COLUMNS = 7  # GPU types side by side, on 120 columns


def hardware_tables() -> tuple[Table, ...]:
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


# Policies and placements that come with gpusim as tables for the terminal: rules, sources, options.

WORKS = {
    How.QUEUE: "the queue: in events or cycles, with EASY or conservative backfill, with preemption by priority or by"
    " the order; jobs are sorted once, n log n. Only these go with jobs that share GPUs (fair_share does not), and only"
    " these and weighted_fair with limited CPUs or memory, both without conservative backfill and preemption by the"
    " order",
    How.GREEDY: "which jobs hold GPUs: in events or cycles; running preemptible jobs are preempted, at the cost of"
    " their checkpoints; no backfill: jobs that fit behind a blocked one start; a pass is linear in"
    " the jobs behind the first waiting one",
    How.ROUNDS: 'which jobs hold GPUs, or the queue, in Python: needs mode = "cycle"; a round is n log n in its jobs,'
    " times the sizes of a job under pollux, plus a linear programme of jobs x pools under gavel, an integer one of"
    " kinds of jobs x pools x sizes under sia, times the pools under mast, and their nodes with preempt",
}


def policy_tables() -> tuple[Table, ...]:
    """Policies; what each kind works with; options with their defaults; rules of dispatch; placements."""
    overview = Table("order", "rule", "decides", "source", title="Policies: scheduler.order")
    for name, spec in ORDERS.items():
        overview.add_row(name, spec.rule, spec.how.value, spec.source)
    title = "All work with failures, power limits, quotas and services"
    works = Table("decides", "what, and under which conditions", title=title)
    for how, words in WORKS.items():
        works.add_row(how.value, words)
    names = (Column("order", no_wrap=True), Column("option", no_wrap=True))
    options = Table(*names, "value", "default", "meaning", title="Options: scheduler.options")
    for name, spec in ORDERS.items():
        for key, field in spec.options.model_fields.items():
            value = kinds.in_words(kinds.of_field(field))
            default = "absent" if field.default is None else kinds.in_toml(field.default)
            if isinstance(field.default, list):
                default = str(field.default)
            words = " ".join(meaning(spec.options, key).replace("``", "").split())
            options.add_row(name, key, value, default, words)
    placements = Table("placement", "rule", "a decision takes", "source", title="Placements: scheduler.placement")
    for name, spec in PLACEMENTS.items():
        placements.add_row(name, spec.rule.replace("`", ""), spec.cost, spec.source)
    placements.caption = (
        "Of jobs of at most one node; gangs go by topology. From random on nodes are scored, which goes with orders of"
        " the queue, backfill of none and easy, and preemption of none and priority, without services"
    )
    dispatches = Table("dispatch", "where an arriving job waits", title="Dispatch: scheduler.dispatch")
    for name, rule in DISPATCHES.items():
        dispatches.add_row(name, rule)
    dispatches.caption = "Your own rules of dispatch and placement are plain functions, named by their import paths"
    return overview, works, options, dispatches, placements


# The catalogue of rules as tables for the terminal: what they are, then every figure and where it comes from.


def rule_tables() -> tuple[Table, Table]:
    """Rules with their place, time and size, and their figures (assumptions marked by a star)."""
    overview = Table("rule", "what", "where", "from MW", "in force", title="Rules")
    for name, rule in Rules(enforce="all").enforced():
        until = f" to {rule.until:%Y-%m-%d}" if rule.until else ""
        overview.add_row(name, rule.title, *_place(rule), f"{rule.since:%Y-%m-%d}{until}")
    sources = Table("rule", "figure", "value", "basis", "source", "date", title="Figures (* assumption)", box=SIMPLE)
    shown = [row for row in rule_figures() if row["figure"] not in ("regions", "jurisdictions", "since", "least_mw")]
    for i, row in enumerate(shown):
        first = i == 0 or shown[i - 1]["rule"] != row["rule"]
        same = not first and all(shown[i - 1][key] == row[key] for key in ("basis", "source", "date"))
        mark = "*" if row["basis"] == "assumption" else ""
        last = i + 1 == len(shown) or shown[i + 1]["rule"] != row["rule"]
        origin = ("", "", "") if same else (row["basis"], row["source"], row["date"])
        name = row["rule"] if first else ""
        sources.add_row(name, row["figure"], _short(row["value"]) + mark, *origin, end_section=last)
    return overview, sources


def _place(rule: Rule) -> tuple[str, str]:
    """Where a rule applies, and from what size on."""
    if not isinstance(rule, SiteRule):
        return "", ""
    where = ", ".join(dict.fromkeys([*rule.regions, *rule.jurisdictions]))
    if rule.near:
        where += f", {rule.near.km:g} km around {rule.near.latitude:g} N {rule.near.longitude:g} E"
    return _short(where), f"{rule.least_mw:g}" if rule.least_mw else ""


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."

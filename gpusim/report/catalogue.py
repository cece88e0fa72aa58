"""The catalogues for the terminal: GPU types, rules, policies, scenarios, and where each figure is from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from gpusim.inputs.climatology import sources
from gpusim.report.reference import meaning
from gpusim.report.terminal import fitting, listing, terminal
from gpusim.scenario import kinds
from gpusim.scenario.dispatches import DISPATCHES
from gpusim.scenario.files import about, seeds
from gpusim.scenario.hardware import figures
from gpusim.scenario.orders import ORDERS, How
from gpusim.scenario.placements import PLACEMENTS
from gpusim.scenario.rule import Rule, SiteRule
from gpusim.scenario.rules import Rules
from gpusim.scenario.rules import figures as rule_figures

SPACED = {"leading": 1}  # of tables of which most rows take several lines

# The hardware catalogue: GPU types side by side and where each figure is from; then the rest.

FILES = {
    "on_site": "Power made and stored on site",
    "cooling": "Cooling of halls",
    "marginal": "Marginal carbon over average",
    "prices": "Levels of prices by year",
}
ORIGIN = ("basis", "source")


def print_hardware(console: Console | None = None) -> None:
    """Figures by field and GPU type, their sources; power on site, cooling, carbon, prices, regions, failures."""
    out = terminal(console)
    rows = figures()
    gpus = list(dict.fromkeys(row["gpu"] for row in rows))
    at = {(row["field"], row["gpu"]): row for row in rows}
    rest = (_listed(figures(name), title) for name, title in FILES.items())
    regions, repairs = _listed(sources(), "Typical years of regions"), _listed(figures("repairs"), "Kinds of repair")
    types = fitting(out, gpus, lambda part: _of_types(at, part))
    for table in (*types, _origins(at, gpus), *rest, regions, _failures(), repairs):
        out.print(table)


def _of_types(at: dict[tuple[str, str], dict[str, str]], gpus: Sequence[str]) -> Table:
    """Their figures side by side."""
    table = listing("field", "unit", *(f"{gpu}>" for gpu in gpus), title="GPU types (* assumption)")
    for field in dict.fromkeys(field for field, _gpu in at):
        mine = [at[field, gpu] for gpu in gpus]
        marks = ["*" if row["basis"] == "assumption" else " " for row in mine]
        table.add_row(field, mine[0]["unit"], *(row["value"] + mark for row, mark in zip(mine, marks, strict=True)))
    return table


def _origins(at: dict[tuple[str, str], dict[str, str]], gpus: list[str]) -> Table:
    """Where they are from: below each field the GPU types of one origin together."""
    table = _named("field, GPU", *ORIGIN, title="Sources")
    for field in dict.fromkeys(field for field, _gpu in at):
        origins: dict[tuple[str, str], list[str]] = {}
        for gpu in gpus:
            origins.setdefault(_origin(at[field, gpu]), []).append(gpu)
        rows = [("all" if len(names) == len(gpus) else ", ".join(names), *origin) for origin, names in origins.items()]
        _add_group(table, field, rows)
    return table


def _listed(rows: list[dict[str, str]], title: str) -> Table:
    """A file of the catalogue as it is: below each name of its first column what the second tells apart."""
    first, second, *_others = rows[0]
    grouped = second != "value"
    more = [name for name in rows[0] if name == "within"]
    heading = f"{first}, {second}" if grouped else first
    table = _named(heading, "value", *more, *ORIGIN, title=title)
    groups: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        value = row.get("value") or row["mean"]
        cells = (f"{value} {row['unit']}", *(row[name] for name in more), *_origin(row))
        groups.setdefault(row[first], []).append((row[second] if grouped else row[first], *cells))
    for name, cells in groups.items():
        if grouped:
            _add_group(table, name, cells)
        else:
            table.add_row(*cells[0])
    return table


def _failures() -> Table:
    """Below each mix a row per cause: its rate with the source, and the weights of its repairs."""
    table = _named("mix, cause", "in 1000 d, repairs*", *ORIGIN, title="Failures of one unit (* assumption)")
    causes: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in figures("failures"):
        causes.setdefault((row["mix"], row["cause"]), []).append(row)
    mixes: dict[str, list[tuple[str, ...]]] = {}
    for (mix, cause), (rate, *repairs) in causes.items():
        weights = ", ".join(f"{row['field'].removeprefix('repair.')} {row['value']}" for row in repairs)
        cells = (cause, f"{rate['value']} of a {rate['of']}; {weights}", *_origin(rate))
        mixes.setdefault(mix, []).append(cells)
    for mix, rows in mixes.items():
        _add_group(table, mix, rows)
    return table


def _named(*headings: str, title: str, leading: int = 0) -> Table:
    """A listing whose first column holds names, which stay in one piece."""
    table = listing(*headings, title=title, leading=leading)
    table.columns[0].no_wrap = True
    return table


def _add_group(table: Table, name: str, rows: Sequence[tuple[str, ...]]) -> None:
    """A line of its own for what rows have in common, and these below it."""
    table.add_row(name)
    for i, (first, *others) in enumerate(rows, 1):
        table.add_row(f"  {first}", *others, end_section=i == len(rows))


def _origin(row: dict[str, str]) -> tuple[str, str]:
    """Basis and date; source."""
    return f"{row['basis']} {row.get('date', '')}".rstrip(), row["source"]


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


def print_policies(console: Console | None = None) -> None:
    """Policies; what each kind works with; options with their defaults; rules of dispatch; placements."""
    _print(policy_tables(), console)


def policy_tables() -> tuple[Table, ...]:
    """Those that ``print_policies`` prints."""
    overview = _named("order", "rule", "decides", "source", title="Policies: scheduler.order", **SPACED)
    for name, spec in ORDERS.items():
        overview.add_row(name, spec.rule, spec.how.value, spec.source)
    title = "All work with failures, power limits, quotas and services"
    works = _named("decides", "what, and under which conditions", title=title, **SPACED)
    for how, words in WORKS.items():
        works.add_row(how.value, words)
    options = _named("order, option", "value", "default", "meaning", title="Options: scheduler.options")
    for name, spec in ORDERS.items():
        rows = []
        for key, field in spec.options.model_fields.items():
            value = kinds.in_words(kinds.of_field(field))
            default = "absent" if field.default is None else kinds.in_toml(field.default)
            if isinstance(field.default, list):
                default = str(field.default)
            words = " ".join(meaning(spec.options, key).replace("``", "").split())
            rows.append((key, value, default, words))
        if rows:
            _add_group(options, name, rows)
    headings = ("placement", "rule", "a decision takes", "source")
    placements = _named(*headings, title="Placements: scheduler.placement", **SPACED)
    for name, spec in PLACEMENTS.items():
        placements.add_row(name, spec.rule.replace("`", ""), spec.cost, spec.source)
    placements.caption = (
        "Of jobs of at most one node; gangs go by topology. From random on nodes are scored, which goes with orders of"
        " the queue, backfill of none and easy, and preemption of none and priority, without services"
    )
    headings = ("dispatch", "where an arriving job waits")
    dispatches = _named(*headings, title="Dispatch: scheduler.dispatch", **SPACED)
    for name, rule in DISPATCHES.items():
        dispatches.add_row(name, rule)
    dispatches.caption = "Your own rules of dispatch and placement are plain functions, named by their import paths"
    return overview, works, options, dispatches, placements


# The catalogue of rules as tables for the terminal: what they are, then every figure and where it comes from.


def print_rules(console: Console | None = None) -> None:
    """Rules with their place, time and size, and their figures (assumptions marked by a star)."""
    overview = _named("rule", "what", "where", "from MW", "in force", title="Rules", **SPACED)
    for name, rule in Rules(enforce="all").enforced():
        until = f" to {rule.until:%Y-%m-%d}" if rule.until else ""
        overview.add_row(name, rule.title, *_place(rule), f"{rule.since:%Y-%m-%d}{until}")
    sources = _named("rule, figure", "value", *ORIGIN, title="Figures (* assumption)")
    shown = [row for row in rule_figures() if row["figure"] not in ("regions", "jurisdictions", "since", "least_mw")]
    for name in dict.fromkeys(row["rule"] for row in shown):
        rows, before = [], None
        for row in (row for row in shown if row["rule"] == name):
            origin = _origin(row)
            mark = "*" if row["basis"] == "assumption" else ""
            rows.append((row["figure"], _short(row["value"]) + mark, *(("", "") if origin == before else origin)))
            before = origin
        _add_group(sources, name, rows)
    _print((overview, sources), console)


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


# Scenarios and sweeps that come with gpusim.


def print_scenarios(console: Console | None = None) -> None:
    """Their names, below the command that takes them, and the first sentence of each."""
    out = terminal(console)
    for kind, command in (("scenario", "run"), ("sweep", "sweep")):
        out.print(f"gpusim {command} NAME")
        names = Table.grid(padding=(0, 2, 0, 0))
        for name, path in seeds(kind).items():
            names.add_row(f"  {name}", about(path))
        out.print(names)


def _print(tables: Sequence[Table], console: Console | None) -> None:
    out = terminal(console)
    for table in tables:
        out.print(table)
        if table.caption is not None:
            out.print()

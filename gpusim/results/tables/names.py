"""The tables of a result by name, each with what stands in it. Units are in the names of the columns."""

from __future__ import annotations

import pandas as pd

TABLES = (
    "jobs", "job_waits", "ledger", "waits", "unmet", "rejections", "pools", "power", "sites", "costs", "services",
    "events",
)  # fmt: skip
# Of scenarios with projects only: what `gpusim.buildout` says of them.
BUILD_TABLES = (
    "build_projects", "build_tasks", "build_capacity", "build_live", "build_months", "build_ledger", "build_paths",
    "build_requests", "build_line",
)  # fmt: skip
RULES = "rules"  # of scenarios that enforce rules only
# Of scenarios with contracts only: what `gpusim.commerce` makes of the run.
CONTRACT_TABLES = (
    "contract_signings", "contract_allocation", "contract_milestones", "contract_departures", "contract_accounts",
    "money_sites", "money_contracts", "money_fleet", "money_loans", "money_figures",
)  # fmt: skip
# Of scenarios with services that name their model only.
SERVICE_TABLES = (
    "service_demand", "service_latency", "service_outcomes", "service_replicas", "service_sketch", "service_requests",
)  # fmt: skip
FAILURE_TABLES = ("failures", "interruptions")  # of scenarios with failures only
BILL_TABLES = ("meter", "bill")  # of scenarios with a site that has a tariff only
CURTAILMENTS = "curtailments"  # of scenarios with a connection that is partly firm only
CHECKPOINTS = "checkpoints"  # of scenarios with checkpoints of a known size only
FEEDERS = "feeders"  # of scenarios with limits of nodes, racks, busways or halls only
COPIES = "copies"  # of scenarios with data sets only
LINKS = "links"  # of scenarios with links only
ON_SITE = "on_site"  # of scenarios with generation or storage on site only
SEGMENTS = "job_segments"  # where a job did not run in one go, at one rate, only
KEPT = "job_kept"  # where a run kept other work than its checkpoints say only
PRICES = "market_prices"  # of scenarios with contracts and prices that follow scarcity only
OPTIONAL = {
    **dict.fromkeys(BUILD_TABLES, "projects"), **dict.fromkeys(CONTRACT_TABLES, "contracts"),
    **dict.fromkeys(SERVICE_TABLES, "services with a model"), **dict.fromkeys(FAILURE_TABLES, "failures"),
    **dict.fromkeys(BILL_TABLES, "site with a tariff"), CURTAILMENTS: "connection that is partly firm",
    FEEDERS: "limits of nodes, racks, busways or halls", ON_SITE: "generation or storage on site",
    LINKS: "links", SEGMENTS: "jobs that were cut short or changed their rate",
    KEPT: "faults found late, or shared storage", COPIES: "data sets",
    PRICES: "contracts with market.index", CHECKPOINTS: "checkpoints of a known size (parameters_b)",
}  # fmt: skip


def _table(name: str, text: str) -> property:
    return property(lambda result: result.table(name), doc=text)


class Tables:
    """The tables of a result as attributes, which Tab completes; ``X_utc`` are the timestamps of ``X_s``."""

    jobs = _table("jobs", "One row per job: who submitted it, where and when it ran, and how it ended.")
    job_segments = _table("job_segments", "Parts of runs at one rate, of jobs that did not run in one go.")
    job_kept = _table("job_kept", "Runs cut short that kept other work than their checkpoints by then: up to where.")
    job_waits = _table("job_waits", "Seconds that each job waited, by cause; only causes that occurred.")
    ledger = _table("ledger", "GPU-seconds by pool, record interval and cause; they add up to planned GPUs x time.")
    waits = _table("waits", "Job-seconds, and GPU-seconds asked for, of waiting by pool, tenant, interval and cause.")
    unmet = _table("unmet", "Unmet demand [GPU-s] by pool, interval and cause, and where such GPUs were then.")
    rejections = _table("rejections", "Jobs rejected, by record interval, cause and request.")
    pools = _table("pools", "Mean GPUs and jobs of each pool by record interval: planned, delivered, busy, queued, ...")
    power = _table("power", "Power, energy, price, carbon and weather of each site by record interval.")
    sites = _table("sites", "One row per site: where it is, what it used, what that cost and emitted.")
    costs = _table("costs", "One row per pool: its share of the energy bill and carbon.")
    services = _table("services", "Tokens asked for and served, and replicas, by deployment and record interval.")
    service_demand = _table("service_demand", "Requests that arrived in each interval, by region of their users.")
    service_latency = _table(
        "service_latency", "Time to first token, between tokens and end to end of requests that ended in each interval."
    )
    service_outcomes = _table("service_outcomes", "Requests that ended in each interval: on time, late why, or failed.")
    service_replicas = _table("service_replicas", "Tokens, GPU-seconds by use and energy of replicas by interval.")
    service_sketch = _table("service_sketch", "Requests of the whole run by how long they took, in buckets.")
    service_requests = _table("service_requests", "A sample of the requests, a row each.")
    events = _table("events", "What happened when: deliveries, grid steps, rules, faults of input; value in its unit.")
    failures = _table("failures", "Failures that took nodes down: where, why, what they interrupted, and the repair.")
    interruptions = _table("interruptions", "Jobs that failures interrupted, a row each time.")
    curtailments = _table("curtailments", "Calls of a non-firm connection: when, and what they cost.")
    feeders = _table("feeders", "One row per node, rack, busway or hall: its limit, the most asked, time capped.")
    checkpoints = _table(
        "checkpoints", "Classes whose checkpoints have a size: how long shared storage takes for them."
    )
    links = _table("links", "One row per link: the data that arrived over it, and their price.")
    copies = _table("copies", "One row per copy of a data set brought to a site: from where, when, whether kept.")
    on_site = _table("on_site", "Energy, money and carbon of grid, generators, sun and battery by site and interval.")
    meter = _table(
        "meter", "Energy from the grid, its market value, carbon and connection by interval of a site's meter."
    )
    bill = _table("bill", "Bills for power by site, month and component; their energy is that of the meter.")
    rules = _table("rules", "What each rule did, where and when, and what it cost.")

    build_projects = _table("build_projects", "One row per project: planned and delivered, and its USD.")
    build_tasks = _table("build_tasks", "One row per task of a project: planned, ready, begun, done.")
    build_capacity = _table("build_capacity", "One row per component of a project: amount in its unit, and when.")
    build_live = _table("build_live", "GPUs planned, live and delivered by pool, from each change on.")
    build_months = _table("build_months", "GPU-hours planned and live by pool and month.")
    build_ledger = _table("build_ledger", "GPU-hours planned but not live by pool, month, project and cause.")
    build_paths = _table("build_paths", "The critical path of each project, first to last.")
    build_requests = _table("build_requests", "Orders of projects and rivals from supplies, by time.")
    build_line = _table("build_line", "Supplies and the lines for them, in units, at the start of each month.")

    contract_signings = _table("contract_signings", "Conditional contracts, and whether they were signed.")
    contract_allocation = _table("contract_allocation", "GPUs that each contract had, where and when.")
    contract_milestones = _table("contract_milestones", "Each step up of a contract: due, met, and how late.")
    contract_departures = _table("contract_departures", "Tenants that left, fully or partly.")
    contract_accounts = _table("contract_accounts", "GPU-hours and USD of each contract by month.")
    money_sites = _table("money_sites", "Revenue, costs and capital of each site by month.")
    money_contracts = _table("money_contracts", "Revenue and costs of each contract by month.")
    money_fleet = _table("money_fleet", "The statements of the provider by month.")
    money_loans = _table("money_loans", "Draws, repayments, interest and debt of each loan by month.")
    money_figures = _table("money_figures", "Headline figures of money by name; the name ends with the unit.")
    market_prices = _table("market_prices", "Prices over list price, and the scarcity that makes them, by month.")

    tables: dict[str, pd.DataFrame]

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in OPTIONAL or name in self.tables]


# The table of bills in a result: what each site with a tariff pays for power, by month and component.

BILL_COLUMNS = ["site", "month", "component", "energy_mwh", "amount", "unit", "usd"]
# What rules charge, by ``what`` of their table, and what that is called on a bill. It is paid once: as a rule's charge.
CHARGED = {"peak": "transmission", "capacity": "capacity"}
VIRTUAL, TAXES = "virtual agreement", "taxes"


# The table of power made and stored on site in a result: a row for each source and interval.

GRID = "grid"  # the source that every site has
ON_SITE_COLUMNS = {
    "site": "str", "start_s": float, "end_s": float, "source": "str", "kind": "str", "given_j": float, "taken_j": float,
    "lost_j": float, "beyond_j": float, "stored_j": float, "usd": float, "fixed_usd": float, "carbon_kg": float,
    "unit_hours": float, "nox_kg": float,
}  # fmt: skip

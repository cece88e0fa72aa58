"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from gpusim.analysis.books import HELD_BACK
from gpusim.analysis.bottlenecks import headline
from gpusim.analysis.countries import countries, country_years
from gpusim.analysis.delays import delays
from gpusim.analysis.economics import economics
from gpusim.analysis.lateness import is_built
from gpusim.analysis.metrics import metrics
from gpusim.analysis.rejections import never_started
from gpusim.analysis.rivalry import has_rivals
from gpusim.analysis.serving import serving
from gpusim.analysis.wording import duration, quantity, share
from gpusim.causes import REJECTED, SLACK, WORDS
from gpusim.regulation.effects import is_ruled
from gpusim.report import document, tables
from gpusim.report.competition_part import competition_part
from gpusim.report.figures import draw_all
from gpusim.report.relief_part import relief_part
from gpusim.report.rules_part import rules_part
from gpusim.report.scenario_text import to_toml
from gpusim.report.story_part import build_part, contract_part
from gpusim.tables.competition import Competition
from gpusim.tables.deliveries import Deliveries
from gpusim.tables.relief import Relief
from gpusim.tables.result import Result
from gpusim.units import DAY_S

MOST_SENTENCES = 8
MOST_ROWS = 25  # of the bottlenecks
MOST_EVENTS = 200


def write(
    result: Result,
    path: Path,
    pictures: list[Path] | None = None,
    relief: Relief | None = None,
    deliveries: Deliveries | None = None,
    competition: Competition | None = None,
) -> Path:
    """Render the report of a result to ``path``.

    Parameters
    ----------
    pictures : list of Path, optional
        Figures drawn before by ``draw_all``; drawn now if not given.
    relief : Relief, optional
        What loosening the constraints of the result's scenario would buy: a part of the report then.
    deliveries : Deliveries, optional
        When projects and contracts of the result's scenario are delivered, over replications.
    competition : Competition, optional
        What the rivals of the result's scenario cost, over replications.
    """
    if pictures is None:
        with TemporaryDirectory() as folder:
            drawn = draw_all(result, Path(folder), relief, deliveries)
            return write(result, path, drawn, relief, deliveries, competition)
    losses = result.bottlenecks()
    says = (losses[["gpu_hours_held_back", "job_hours_waited"]] > 0.0).any(axis=1)
    real = losses[(says & ~losses["cause"].isin(SLACK)) | losses["cause"].isin(REJECTED)]
    manifest, scenario = result.manifest, result.manifest["scenario"]
    figures, part = metrics(result), relief_part(relief) if relief else None
    build = build_part(result, deliveries) if is_built(result) else None
    contracts = contract_part(result, deliveries) if "contract_accounts" in result.tables else None
    rules = rules_part(result) if is_ruled(result) else None
    rivals = competition_part(result, competition) if has_rivals(result) else None
    extra = [one["tables"] for one in (part, build, contracts, rivals, rules) if one]
    return document.write(
        path,
        "report.html",
        pictures,
        manifest=manifest,
        scenario=scenario,
        scenario_text=to_toml(scenario),
        start=datetime.fromisoformat(manifest["start"]),
        days=manifest["duration_s"] / DAY_S,
        headline=headline(result, losses),
        held_back=HELD_BACK,
        cards=_cards(figures, never_started(result)),
        ranking=[{**row, "short": WORDS[row["cause"]].short} for row in real.head(MOST_SENTENCES).to_dict("records")],
        left_out=max(len(losses) - MOST_ROWS, 0),
        tables={name: table for tables in (_tables(result, losses, figures), *extra) for name, table in tables.items()},
        sites=_sites(result, real),
        events=len(result.events),
        events_shown=MOST_EVENTS,
        relief=part,
        build=build,
        contracts=contracts,
        rules=rules,
        competition=rivals,
    )


def _cards(figures: pd.Series, never: int) -> list[tuple[str, str, str]]:
    """Metric, value and meaning of the figures shown large."""
    p95_s = figures["wait_p95_s"]
    waited = f"of jobs that started did so {'at once' if p95_s < 1.0 else f'within {duration(p95_s)}'}"
    turned_away = f", {figures['jobs_rejected']:,.0f} of them rejected" if figures["jobs_rejected"] else ""
    pue = f"at a PUE of {figures['pue']:.3f}" if figures["pue"] == figures["pue"] else "no power was drawn"
    cards = [
        ("useful_share_of_planned", share(figures["useful_share_of_planned"]), "of planned GPU-time was useful work"),
        ("allocation", share(figures["allocation"]), "of GPU-time online was held by jobs and replicas"),
        ("goodput", share(figures["goodput"]), "of the time that jobs held GPUs was useful"),
        ("jobs", f"{figures['jobs']:,.0f}", f"jobs submitted, {never:,} never started{turned_away}"),
        ("wait_p95_s", "95%", waited),
        ("job_hours_waited", quantity(figures["job_hours_waited"]), "hours that jobs waited in all"),
        ("energy_facility_mwh", f"{quantity(figures['energy_facility_mwh'])} MWh", pue),
        ("energy_usd", f"{quantity(figures['energy_usd'])} USD", "for energy"),
        ("carbon_t", f"{quantity(figures['carbon_t'])} t", "of CO2e"),
        ("usd_per_useful_gpu_hour", f"{figures['usd_per_useful_gpu_hour']:.2f} USD",
         "per useful GPU-hour, list price and energy"),
    ]  # fmt: skip
    return [card for card in cards if figures[card[0]] == figures[card[0]]]


def _tables(result: Result, losses: pd.DataFrame, figures: pd.Series) -> dict[str, dict]:
    """Headings and cells of every table of the page, by its id."""
    parts = {
        "bottlenecks": (losses.head(MOST_ROWS), tables.BOTTLENECKS),
        "economics": (economics(result), tables.ECONOMICS),
        "countries": (countries(result), tables.COUNTRIES),
        "country-years": (country_years(result), tables.COUNTRY_YEARS),
        "services": (serving(result), tables.SERVICES),
        "events": (result.events.head(MOST_EVENTS), tables.EVENTS),
        "metrics": (figures.rename_axis("name").reset_index(), tables.METRICS_TABLE),
    }
    for by, heading in (("job_class", "class"), ("size", "GPUs"), ("tenant", "tenant")):
        table = delays(result, by)
        parts[f"delays-{by}"] = (
            table.assign(never=table["jobs"] - table["started"]),
            tables.delays_columns(by, heading),
        )
    return {name: document.table(table, columns) for name, (table, columns) in parts.items()}


def _sites(result: Result, real: pd.DataFrame) -> list[dict]:
    """Facts and the largest bottlenecks of each site."""
    costs = economics(result).set_index("site")
    return [
        {
            "name": row.site,
            "region": row.region,
            "jurisdiction": row.jurisdiction,
            "planned_gpus": row.planned_gpus,
            "costs": costs.loc[row.site].to_dict(),
            "sentences": real.loc[real["site"] == row.site, "sentence"].head(3).tolist(),
        }
        for row in result.sites.itertuples()
    ]

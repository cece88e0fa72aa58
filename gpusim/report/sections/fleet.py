"""The fleet: where, when and by what it was held back, each pool and all sites together, and site by site."""

from __future__ import annotations

import pandas as pd

from gpusim.report.figures import course, headline, matrix
from gpusim.report.findings import Findings
from gpusim.report.section import Card, Drawings, Head, Section
from gpusim.results.economics import economics
from gpusim.results.lateness import is_built
from gpusim.results.rejections import never_started
from gpusim.results.wording import duration, quantity, share

# Where and when the fleet was held back, and by what: the lead of the page.


class WhereSection(Section):
    """The headline, its figure, and figures of the whole fleet."""

    name, title, template = "where", "Where and when", "sections/where.html"

    def head(self, findings: Findings) -> Head:
        """The headline."""
        return Head("what held the fleet back", "headline", findings.headline)

    def cards(self, findings: Findings) -> list[Card]:
        """Those of the fleet, means over the runs where there are several; none of what there is none of."""
        figures, several = findings.figures, findings.replications is not None
        never = figures["jobs_waiting_at_end"] + figures["jobs_rejected"] if several else never_started(findings.result)
        p95_s = figures["wait_p95_s"]
        of_them, waited = "95%", f"of jobs that started did so within {duration(max(p95_s, 1.0))}"
        if p95_s < 1.0 and not several:
            of_them, waited = share(_share_at_once(findings.result.jobs)), "of jobs that started did so at once"
        turned_away = f", {figures['jobs_rejected']:,.0f} of them rejected" if figures["jobs_rejected"] else ""
        pue = f"at a PUE of {figures['pue']:.3f}" if figures["pue"] == figures["pue"] else "no power was drawn"
        useful, held = figures["useful_share_of_planned"], figures["allocation"]
        cards = [
            Card("useful_share_of_planned", share(useful), "of planned GPU-time was useful work"),
            Card("allocation", share(held), "of GPU-time online was held by jobs and replicas"),
            Card("goodput", share(figures["goodput"]), "of the GPU-time held by jobs was useful"),
            Card("jobs", f"{figures['jobs']:,.0f}", f"jobs submitted, {never:,.0f} never started{turned_away}"),
            Card("wait_p95_s", of_them, waited),
            Card("job_hours_waited", quantity(figures["job_hours_waited"]), "job-hours waited"),
            Card("energy_facility_mwh", f"{quantity(figures['energy_facility_mwh'])} MWh", pue),
            Card("energy_usd", f"{quantity(figures['energy_usd'])} USD", "for energy"),
            Card("carbon_t", f"{quantity(figures['carbon_t'])} t", "of CO2e"),
            Card("usd_per_useful_gpu_hour", f"{figures['usd_per_useful_gpu_hour']:.2f} USD",
                 "per useful GPU-hour: GPUs, halls, staff, energy"),
        ]  # fmt: skip
        # Of a build-out, what comes in any year is planned from the first day on: a share says little.
        built = is_built(findings.result)
        return [card for card in cards[built:] if figures[card.name] == figures[card.name]]

    def figures(self, findings: Findings) -> Drawings:
        """The course of what was held back, by site and cause."""
        title = findings.attributed
        return {"headline": lambda: headline.draw(findings.result, findings.series, findings.entries, title)}


def _share_at_once(jobs: pd.DataFrame) -> float:
    """Of the jobs that started, those that waited for less than a second."""
    waited_s = (jobs["start_s"] - jobs["submit_s"]).dropna()
    return float((waited_s < 1.0).mean())


# The fleet: what became of each pool's planned GPU-time, and the course of all sites together.


class FleetSection(Section):
    """All sites side by side, and together where there are several."""

    name, title, template = "fleet", "The fleet", "sections/fleet.html"

    def figures(self, findings: Findings) -> Drawings:
        """The matrix of sites and GPU types, and the course of all sites."""
        result, sites = findings.result, list(findings.result.sites["site"])
        found = {"matrix": lambda: matrix.draw(result)}
        if len(sites) > 1:
            found["fleet"] = lambda: course.draw(result, findings.series, findings.entries, sites)
        return found


# Site by site: facts, the largest bottlenecks, and the course of each.

MOST_SENTENCES = 3  # of a site


class SitesSection(Section):
    """Each site by itself."""

    name, title, template = "sites", "Site by site", "sections/sites.html"

    def figures(self, findings: Findings) -> Drawings:
        """The course of each."""
        return {f"site_{site}": self._course(findings, site) for site in findings.result.sites["site"]}

    def _course(self, findings: Findings, site: str):
        return lambda: course.draw(findings.result, findings.series, findings.entries, [site])

    def values(self, findings: Findings) -> dict[str, object]:
        """Facts and sentences of each."""
        costs, blamed = economics(findings.result).set_index("site"), findings.blamed
        sites = [
            {
                "name": row.site,
                "region": row.region,
                "jurisdiction": row.jurisdiction,
                "planned_gpus": row.planned_gpus,
                "costs": costs.loc[row.site].to_dict(),
                "sentences": blamed.loc[blamed["site"] == row.site, "sentence"].head(MOST_SENTENCES).tolist(),
            }
            for row in findings.result.sites.itertuples()
        ]
        return {"sites": sites}

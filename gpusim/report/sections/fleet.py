"""The fleet: where, when and by what it was held back, each pool and all sites together, and site by site."""

from __future__ import annotations

from gpusim.report.figures import course, headline, matrix
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Head, Section
from gpusim.results.economics import economics

# Where and when the fleet was held back, and by what: the lead of the page.


class WhereSection(Section):
    """The figure of the headline."""

    name, title, template = "where", "Where and when", "sections/where.html"

    def head(self, findings: Findings) -> Head:
        """The headline."""
        return Head("what held the fleet back", "headline", findings.headline)

    def figures(self, findings: Findings) -> Drawings:
        """The course of what was held back, by site and cause."""
        title = findings.attributed
        return {"headline": lambda: headline.draw(findings.result, findings.series, findings.entries, title)}


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

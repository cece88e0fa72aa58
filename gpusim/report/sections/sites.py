"""Site by site: facts, the largest bottlenecks, and the course of each."""

from __future__ import annotations

from gpusim.analysis.economics import economics
from gpusim.report.figures import course
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section

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

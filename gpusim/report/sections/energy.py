"""Energy, carbon and what they cost, by country and site."""

from __future__ import annotations

from gpusim.report import document
from gpusim.report.figures import countries as bars
from gpusim.report.findings import Findings
from gpusim.report.section import Drawings, Section
from gpusim.report.tables import Column, decimals, number, text
from gpusim.report.terminal import Terminal
from gpusim.results.economics import SUMS, countries, country_of, country_years, economics
from gpusim.results.site_power import efficiency
from gpusim.results.wording import quantity

MOST_COUNTRIES = 2  # of the console


class EnergySection(Section):
    """At the meter: servers, cooling and losses."""

    name, title, template = "energy", "Energy, carbon, cost", "sections/energy.html"

    def figures(self, findings: Findings) -> Drawings:
        """Countries side by side, where there are several."""
        several = len(set(map(country_of, findings.result.sites["region"]))) > 1
        return {"countries": lambda: bars.draw(findings.result)} if several else {}

    def tables(self, findings: Findings) -> dict[str, dict[str, list]]:
        """By country, country and year, site."""
        result = findings.result
        return {
            "countries": document.table(countries(result), COUNTRIES),
            "country-years": document.table(country_years(result), COUNTRY_YEARS),
            "economics": document.table(by_site := economics(result), of_sites("marginal_carbon_t" in by_site)),
            "efficiency": document.table(efficiency(result), EFFICIENCY),
        }

    def say(self, findings: Findings, terminal: Terminal) -> None:
        """Energy, its bill and carbon, and the countries that drew most; nothing if all sites are in one, or where
        replications of the build-out have told the bill."""
        table = countries(findings.result)
        if len(table) < 2 or (findings.deliveries and len(findings.deliveries.money)):
            return
        energy_mwh, energy_usd, carbon_t = (quantity(table[name].sum()) for name in SUMS[:3])
        most = [
            f"{row.country} {quantity(row.energy_mwh)} MWh ({row.price_usd_per_mwh:.0f} USD/MWh,"
            f" {row.carbon_g_per_kwh:.0f} g/kWh)"
            for row in table[table["energy_mwh"] > 0.0].head(MOST_COUNTRIES).itertuples()
        ]
        named = f". {'Most' if len(table) > len(most) else 'By country'}: {', '.join(most)}" if most else ""
        terminal.print(f"Energy{findings.example}: {energy_mwh} MWh, {energy_usd} USD, {carbon_t} t CO2e{named}.")


def of_sites(has_marginal: bool) -> tuple[Column, ...]:
    """Columns of sites, with carbon at the marginal intensity behind that at the average where some site has one."""
    at = [column.key for column in ECONOMICS].index("carbon_t") + 1
    return (*ECONOMICS[:at], *(MARGINAL if has_marginal else ()), *ECONOMICS[at:])


MARGINAL = (
    Column("marginal_g_per_kwh", "carbon, marginal [g/kWh]", decimals(), none="not given"),
    Column("marginal_carbon_t", "CO2e, marginal [t]", number, none="not given"),
)
ECONOMICS = (
    text("site", "site"),
    Column("energy_mwh", "energy [MWh]", number),
    Column("peak_mw", "peak [MW]", number),
    Column("pue", "PUE", decimals(3)),
    Column("price_usd_per_mwh", "price paid [USD/MWh]", decimals(1)),
    Column("energy_usd", "energy [USD]", number),
    Column("carbon_g_per_kwh", "carbon [g/kWh]", decimals()),
    Column("carbon_t", "CO2e [t]", number),
    Column("useful_gpu_hours", "useful GPU-hours", number),
    Column("usd_per_useful_gpu_hour", "USD per useful GPU-hour", decimals(2)),
)
EFFICIENCY = (
    text("site", "site"),
    Column("energy_it_mwh", "IT energy [MWh]", number),
    Column("water_m3", "water [m3]", number),
    Column("pue", "PUE", decimals(3)),
    Column("wue_l_per_kwh", "WUE [l/kWh]", decimals(2)),
    Column("cue_kg_per_kwh", "CUE [kg/kWh]", decimals(3)),
    Column("erf", "ERF", decimals(3)),
    Column("ref", "REF", decimals(3)),
)
COUNTRIES = (
    text("country", "country"),
    Column("energy_mwh", "energy [MWh]", number),
    Column("it_mw", "mean IT power [MW]", number),
    Column("energy_usd", "energy [USD]", number),
    Column("price_usd_per_mwh", "price paid [USD/MWh]", decimals(1)),
    Column("carbon_t", "CO2e [t]", number),
    Column("carbon_g_per_kwh", "carbon [g/kWh]", decimals()),
    Column("energy_usd_per_useful_gpu_hour", "energy [USD per useful GPU-hour]", decimals(3)),
    Column("usd_per_useful_gpu_hour", "total cost [USD per useful GPU-hour]", decimals(2)),
)
COUNTRY_YEARS = (
    text("country", "country"),
    Column("year", "year", str),
    *COUNTRIES[1:7],
)

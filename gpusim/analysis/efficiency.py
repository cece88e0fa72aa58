"""Indicators of energy and water by site, as Delegated Regulation (EU) 2024/1364 (annex III) defines them, and CUE.

PUE = energy at the meter / energy of IT; WUE = water taken [l] / energy of IT [kWh]; ERF = energy reused as heat /
energy at the meter; REF = renewable energy / energy at the meter. CUE, which the regulation does not ask for, is CO2e
of the energy [kg] / energy of IT [kWh] (ISO/IEC 30134-8).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.tables.record import Record
from gpusim.units import JOULE_PER_KWH, JOULE_PER_MWH

GIVEN = {"erf": "heat_share", "ref": "renewable_share", "wue_l_per_kwh": "water_l_per_kwh"}


def efficiency(result: Record) -> pd.DataFrame:
    """Indicators of each site over the run.

    Returns
    -------
    DataFrame
        site, energy_facility_mwh (at the meter), energy_it_mwh, water_m3, pue, wue_l_per_kwh, cue_kg_per_kwh, erf, ref.
        Water is what its towers took, unless the site's ``sustainability`` says; ERF and REF are as it says. NaN where
        nobody says, and where no energy was drawn.
    """
    sites = result.sites.set_index("site")
    it_kwh = (sites["energy_it_j"] / JOULE_PER_KWH).where(sites["energy_it_j"] > 0.0)
    said = result.manifest["scenario"]["sites"]
    given = pd.DataFrame(
        {
            name: [(said[site].get("sustainability") or {}).get(key, np.nan) for site in sites.index]
            for name, key in GIVEN.items()
        },
        index=sites.index,
        dtype=float,
    )
    wue = given["wue_l_per_kwh"].fillna(sites["water_l"] / it_kwh)
    table = pd.DataFrame(
        {
            "energy_facility_mwh": sites["energy_facility_j"] / JOULE_PER_MWH,
            "energy_it_mwh": sites["energy_it_j"] / JOULE_PER_MWH,
            "water_m3": wue * it_kwh / 1000.0,
            "pue": sites["energy_facility_j"] / JOULE_PER_KWH / it_kwh,
            "wue_l_per_kwh": wue,
            "cue_kg_per_kwh": sites["carbon_kg"] / it_kwh,
            "erf": given["erf"],
            "ref": given["ref"],
        }
    )
    return table.reset_index()

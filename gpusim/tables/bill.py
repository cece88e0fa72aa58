"""The table of bills in a result: what each site with a tariff pays for power, by month and component."""

from __future__ import annotations

COLUMNS = ["site", "month", "component", "energy_mwh", "amount", "unit", "usd"]
# What rules charge, by ``what`` of their table, and what that is called on a bill. It is paid once: as a rule's charge.
CHARGED = {"peak": "transmission", "capacity": "capacity"}
VIRTUAL, TAXES = "virtual agreement", "taxes"

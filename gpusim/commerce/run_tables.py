"""The contracts and the money of one run of the fleet: tables of its result."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gpusim.buildout.shocks import drawn
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.availability import down_gpu_s
from gpusim.commerce.book import Book
from gpusim.commerce.capacity import of_run
from gpusim.commerce.capital import spending_of
from gpusim.commerce.cuts import cuts_of
from gpusim.commerce.figures import figures
from gpusim.commerce.holders import contract_table
from gpusim.commerce.rent import leases_of
from gpusim.commerce.scarcity import priced, prices_of_run
from gpusim.commerce.signing import sign
from gpusim.commerce.statements import Statements, statements
from gpusim.commerce.usage import used_gpu_s
from gpusim.scenario.scenario import Scenario
from gpusim.tables.record import Record


def run_tables(scenario: Scenario, result: Record, overheads: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """``CONTRACT_TABLES`` of a result: the GPUs that were live in it, the use and the energy that it metered.

    Parameters
    ----------
    scenario : Scenario
        With contracts; as it was run.
    result : Record
        Of that scenario, with the tables of its projects if it has any: what their tasks cost is capital.
    overheads : mapping of str to float
        Facility watts per IT watt at the hottest hour of the run, by site: what contracts that ask are told.
    """
    signings = sign(Book.of(scenario), result.manifest["seed"], overheads)
    book = signings.book
    allocation = allocate(book, of_run(result), cuts_of(book, drawn(scenario, result.manifest["seed"])))
    index = prices_of_run(allocation, result)
    allocation = allocation if index is None else priced(allocation, index)
    found = accounts(allocation, used_gpu_s(allocation, result), down_gpu_s(allocation, result))
    spending, leases = None, None
    if scenario.projects:
        spending = spending_of(result.build_tasks, result.build_projects, book.months_s, scenario.money)
        leases = leases_of(scenario, result.build_tasks)
    books = statements(found, spending, result, prices=index, leases=leases)
    return {
        "contract_signings": signings.asked,
        "contract_allocation": allocation.table(),
        "contract_milestones": allocation.milestones(),
        "contract_departures": allocation.departures(),
        "contract_accounts": found.table(),
        "money_sites": books.site_table(),
        "money_contracts": contract_table(books, index),
        "money_fleet": books.fleet_table(),
        "money_loans": books.loan_table(),
        "money_figures": _figures(books),
        **({} if index is None else {"market_prices": index}),
    }


def _figures(books: Statements) -> pd.DataFrame:
    """name, value, note (why there is no value) of the headline figures."""
    found = figures(books)
    names = [name for name in found.index if not name.endswith("_note")]
    notes = [found.get(f"{name}_note", "") for name in names]
    return pd.DataFrame({"name": names, "value": found[names].astype(float).to_numpy(), "note": notes})

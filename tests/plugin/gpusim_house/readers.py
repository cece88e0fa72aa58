"""Files of the company: jobs, requests and prices."""

import numpy as np

from gpusim.inputs.grid import Format as GridFormat
from gpusim.inputs.grid.readings import put_in_order
from gpusim.inputs.requests.formats import Format as RequestFormat
from gpusim.inputs.requests.trace import Requests
from gpusim.inputs.traces import Format as TraceFormat
from gpusim.inputs.traces.rows import Rows
from gpusim.inputs.traces.trace import build_trace


def _jobs(source):
    rows = Rows(source, {"came_h": float, "ran_h": float, "cards": float})
    times_s = {"submit_s": rows.number("came_h") * 3600.0, "runtime_s": rows.number("ran_h") * 3600.0}
    return build_trace(source, "house", **times_s, gpus=rows.number("cards"))


def _requests(source):
    rows = Rows(source, {"came_h": float, "asked": float, "told": float})
    asked, told = (rows.number(name).astype("i8") for name in ("asked", "told"))
    source.faults.check()
    return Requests(rows.number("came_h") * 3600.0, asked, told, None, source.notes)


def _prices(source):
    rows = Rows(source, {"hour_of_2026": float, "cents": float})
    moments = np.datetime64("2026-01-01", "us") + rows.number("hour_of_2026").astype("timedelta64[h]")
    name = "price_usd_per_mwh"
    return {name: put_in_order(source, name, moments, rows.number("cents") * 10.0)}  # of US cents per kWh


JOBS = TraceFormat("house jobs", (), lambda source: source.lacks("came_h", "cards"), _jobs)
REQUESTS = RequestFormat("house requests", lambda source: source.lacks("came_h", "asked"), _requests)
PRICES = GridFormat("house prices", lambda source: source.header[:1] == ["hour_of_2026"], _prices)

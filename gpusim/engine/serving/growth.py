"""Room for requests that wait or run: tables grow as more are under way at once."""

from __future__ import annotations

import numpy as np

from gpusim.engine.serving.gateway import spare_rows
from gpusim.kernels.serving.state import REQUEST, SHIPMENT, Engines
from gpusim.kernels.serving.traffic import TICKET, TURN, Traffic
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE


def make_room(engines: Engines, traffic: Traffic) -> None:
    """Twice as many rows of requests, and of all that has a row for each."""
    rows = len(engines.requests)
    apart = len(engines.shipments) > 0
    engines.put("requests", _longer(engines.requests, records(REQUEST, rows)))
    engines.put("places", np.append(engines.places, np.full(rows, NONE)))
    if len(engines.slowed_s):
        engines.put("slowed_s", np.concatenate([engines.slowed_s, np.zeros((rows, 2))]))
    if len(engines.followers):
        engines.put("followers", np.append(engines.followers, np.full(rows, NONE)))
        traffic.put("turns", _longer(traffic.turns, records(TURN, rows)))
    if apart:
        engines.put("shipments", _longer(engines.shipments, records(SHIPMENT, rows // 2)))
    traffic.put("tickets", _longer(traffic.tickets, records(TICKET, rows)))
    traffic.put("spare", np.append(traffic.spare, np.zeros(rows, np.int64)))
    gate, spare = traffic.gateway[0], spare_rows(rows, 2 * rows, apart)
    traffic.spare[gate.spare : gate.spare + len(spare)] = spare
    gate.spare += len(spare)


def _longer(rows: np.recarray, more: np.recarray) -> np.recarray:
    return np.concatenate([rows, more]).view(np.recarray)

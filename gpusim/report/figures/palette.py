"""Colours and style that all figures share."""

from __future__ import annotations

# Okabe and Ito's colours, tints and shades of them (Okabe & Ito 2008, "Color Universal Design"); from useful to absent,
# in the order in which the ledger is stacked.
COLOURS = {
    "training": "#0072B2",
    "serving": "#56B4E9",
    "serving_idle": "#C4E3F7",
    "loading": "#B79AD0",
    "checkpointing": "#7B5BA6",
    "lost_work": "#000000",
    "slowed": "#5A5A00",
    "idle_no_demand": "#E3E3E3",
    "idle_cycle": "#9A9A9A",
    "idle_policy": "#8E4A73",
    "idle_data": "#3F2FBF",
    "idle_fragmented": "#F0E442",
    "idle_reserved": "#E69F00",
    "idle_quota": "#CC79A7",
    "idle_power": "#D55E00",
    "idle_rule": "#999900",
    "down": "#8C3A00",
    "not_energised": "#009E73",
    "not_housed": "#005A32",
    "not_delivered": "#9ADBC5",
    "busy": "#44546A",
}
LINES = ("-", "--", "-.", ":")
# Of what has no colour of its own: lines side by side (Okabe and Ito's, yellow left out for being too light on white).
SERIES = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titley": 1.03,  # fixed: finding a free height takes a third of the drawing time
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "text.parse_math": False,  # a name may hold dollars
}

"""Colours and style that all figures share."""

from __future__ import annotations

from gpusim.causes import STACK

COLOURS = {row.name: row.colour for row in STACK}  # of causes, in the order in which they are stacked
LINES = ("-", "--", "-.", ":")
# Of lines side by side (Okabe and Ito's, yellow left out for being too light on white).
SERIES = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
OTHER = "#9A9A9A"  # of what has no colour of its own
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
    "pdf.fonttype": 42,  # text as text, in the TrueType that journals ask for
    "svg.fonttype": "none",
    "svg.hashsalt": "gpusim",  # names within the file are the same on every run
    "text.parse_math": False,  # a name may hold dollars
}

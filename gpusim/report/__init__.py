"""Figures and one self-contained page, from results to the eye."""

"""Figures and one self-contained page, from analysis to the eye."""

"""Anchors: cases whose right answer is known from theory or publication, ours beside theirs."""

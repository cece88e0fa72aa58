"""Scheduling policies written in Python: what they are given, and how they are found."""

"""Runs and studies as users ask for them, and what may be asked of what they return."""

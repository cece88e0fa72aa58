"""Pure functions from the tables of a run to answers; they never touch the engine."""

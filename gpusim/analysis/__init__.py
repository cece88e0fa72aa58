"""Pure functions from a result to tables of answers; they never touch the engine."""

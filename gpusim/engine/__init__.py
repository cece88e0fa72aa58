"""The engine: the only importer of simpy. Builds the fleet's state from a scenario and runs it."""

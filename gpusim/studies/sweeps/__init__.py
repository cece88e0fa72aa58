"""Studies of many runs: designs, executors, and the store that they fill."""

"""A comparison of runs: what it is of, and its page, section by section."""

"""From files and descriptions to plain arrays: jobs, demand, signals."""

"""Studies: many runs or replications, and what stands on them."""

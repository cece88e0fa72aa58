"""One scenario under many seeds: what holds it back, and how sure that is."""

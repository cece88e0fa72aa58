"""What a company adds to gpusim: an example with one thing for each group of entry points."""

"""Statistics of studies: intervals, separation, stopping, warm-up, sensitivity."""

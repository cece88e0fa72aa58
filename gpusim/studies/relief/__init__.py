"""What relieving each constraint would buy: counterfactual runs with the same random streams."""

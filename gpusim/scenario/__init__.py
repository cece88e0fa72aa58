"""What exists and what happens to it: frozen, validated descriptions without behaviour."""

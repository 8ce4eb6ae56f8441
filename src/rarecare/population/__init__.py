"""Life tables and populations, and the files they come in."""

"""Life tables and populations: reading, checking and summing them."""

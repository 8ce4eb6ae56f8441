"""What was done and decided, in histories to which one can only add."""

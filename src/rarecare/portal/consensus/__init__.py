"""Rounds of consensus on the criteria of centres."""

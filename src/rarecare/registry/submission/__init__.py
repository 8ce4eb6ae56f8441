"""One registry's files as it sends them: what they are, and reading them without losing a record."""

from rarecare.registry.submission.records import Count, Facts, Submitted

__all__ = ["Count", "Facts", "Submitted"]

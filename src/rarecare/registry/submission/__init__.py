"""One registry's files as it sends them, read without losing a record."""

from rarecare.registry.submission.config import Submission
from rarecare.registry.submission.reading import read_submission, submission_parts
from rarecare.registry.submission.records import Count, Facts, Submitted

__all__ = [
    "Count",
    "Facts",
    "Submission",
    "Submitted",
    "read_submission",
    "submission_parts",
]

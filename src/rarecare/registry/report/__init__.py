"""The report of a submission: what is wrong in it, row by row, and what its data can support."""

from rarecare.registry.report.comparison import COMPARISON, Earlier, compare, read_earlier
from rarecare.registry.report.contents import Report, check
from rarecare.registry.report.files import write_outside, write_own

__all__ = [
    "COMPARISON",
    "Earlier",
    "Report",
    "check",
    "compare",
    "read_earlier",
    "write_outside",
    "write_own",
]

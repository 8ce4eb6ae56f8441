"""Layouts of case files that others agreed on, as data."""

from rarecare.registry.formats.format import Format
from rarecare.registry.formats.layouts import CANREG5, NORDCAN, STATA, TIDY
from rarecare.registry.formats.seerstat import SEERSTAT

FORMATS = {each.name: each for each in (NORDCAN, CANREG5, SEERSTAT, STATA, TIDY)}
"""By name; ENCR-JRC's has its own reader, ``registry.encr``."""

__all__ = ["FORMATS", "Format"]

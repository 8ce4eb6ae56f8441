"""One registry's cases: reading them, and accounting for those left out."""

from rarecare.registry.cases import FIELDS, Cases, Field
from rarecare.registry.column_map import ColumnMap, read_column_map
from rarecare.registry.dates import DateImputation
from rarecare.registry.encr import read_encr
from rarecare.registry.events import EVENTS, read_events
from rarecare.registry.exclusion_rules import ExclusionRules
from rarecare.registry.exclusions import exclude
from rarecare.registry.reading import read_cases

__all__ = [
    "EVENTS",
    "FIELDS",
    "Cases",
    "ColumnMap",
    "DateImputation",
    "ExclusionRules",
    "Field",
    "exclude",
    "read_cases",
    "read_column_map",
    "read_encr",
    "read_events",
]

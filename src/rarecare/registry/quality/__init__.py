"""How far a registry's data go: shares of its cases, with limits and what others publish."""

from rarecare.registry.quality.indicators import INDICATORS, Indicator
from rarecare.registry.quality.mortality_ratio import mortality_incidence
from rarecare.registry.quality.stability import stability
from rarecare.registry.quality.suspicious import highly_fatal, suspicious_survivors
from rarecare.registry.quality.table import QUALITY, quality

__all__ = [
    "INDICATORS",
    "QUALITY",
    "Indicator",
    "highly_fatal",
    "mortality_incidence",
    "quality",
    "stability",
    "suspicious_survivors",
]

"""What the field has agreed on: codes, the rare-cancer list, standards, countries."""

from rarecare.codes.countries import countries, region_of
from rarecare.codes.icdo3 import morphologies, parse_morphology, parse_topography, topographies
from rarecare.codes.rare_cancer_explanation import Explanation
from rarecare.codes.rare_cancers import RareCancerList, chosen_list, default_list, diff
from rarecare.codes.standards import (
    StandardPopulation,
    icss,
    icss_classes,
    standard_population,
)

__all__ = [
    "Explanation",
    "RareCancerList",
    "StandardPopulation",
    "chosen_list",
    "countries",
    "default_list",
    "diff",
    "icss",
    "icss_classes",
    "morphologies",
    "parse_morphology",
    "parse_topography",
    "region_of",
    "standard_population",
    "topographies",
]

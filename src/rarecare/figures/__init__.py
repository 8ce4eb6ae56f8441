"""Figures: tidy tables in, one Vega-Lite specification out."""

from rarecare.figures.age_curve import age_curve_figure
from rarecare.figures.conditional import conditional_figure
from rarecare.figures.country_map import country_map
from rarecare.figures.criteria_profile import criteria_profile_figure
from rarecare.figures.decomposition import decomposition_figure
from rarecare.figures.delphi import delphi_figure
from rarecare.figures.fan import fan
from rarecare.figures.figure import Figure
from rarecare.figures.forest import forest_figure
from rarecare.figures.funnel import funnel_figure
from rarecare.figures.goodness import goodness_figure
from rarecare.figures.hospital_volumes import hospital_volumes_figure
from rarecare.figures.indicator_funnel import indicator_funnel_figure
from rarecare.figures.indicators import indicator_figure
from rarecare.figures.lexis import lexis_figure
from rarecare.figures.look import SYNTHETIC
from rarecare.figures.occupancy import occupancy_figure
from rarecare.figures.prevalence import prevalence_bars
from rarecare.figures.probabilities import probabilities_figure
from rarecare.figures.ranks import ranks_figure
from rarecare.figures.rates import rates_figure
from rarecare.figures.sankey import sankey_figure
from rarecare.figures.states import states_figure
from rarecare.figures.survival import survival_figure
from rarecare.figures.trade_off import trade_off_figure
from rarecare.figures.trend import trend_figure

__all__ = [
    "SYNTHETIC",
    "Figure",
    "age_curve_figure",
    "conditional_figure",
    "country_map",
    "criteria_profile_figure",
    "decomposition_figure",
    "delphi_figure",
    "fan",
    "forest_figure",
    "funnel_figure",
    "goodness_figure",
    "hospital_volumes_figure",
    "indicator_figure",
    "indicator_funnel_figure",
    "lexis_figure",
    "occupancy_figure",
    "prevalence_bars",
    "probabilities_figure",
    "ranks_figure",
    "rates_figure",
    "sankey_figure",
    "states_figure",
    "survival_figure",
    "trade_off_figure",
    "trend_figure",
]

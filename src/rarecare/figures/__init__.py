"""Figures: tidy tables in, one Vega-Lite specification out."""

from rarecare.figures.conditional import conditional_figure
from rarecare.figures.decomposition import decomposition_figure
from rarecare.figures.figure import Figure
from rarecare.figures.forest import forest_figure
from rarecare.figures.funnel import funnel_figure
from rarecare.figures.goodness import goodness_figure
from rarecare.figures.look import SYNTHETIC
from rarecare.figures.probabilities import probabilities_figure
from rarecare.figures.rates import rates_figure
from rarecare.figures.survival import survival_figure

__all__ = [
    "SYNTHETIC",
    "Figure",
    "conditional_figure",
    "decomposition_figure",
    "forest_figure",
    "funnel_figure",
    "goodness_figure",
    "probabilities_figure",
    "rates_figure",
    "survival_figure",
]

"""Figures: tidy tables in, one Vega-Lite specification out."""

from rarecare.figures.figure import Figure
from rarecare.figures.look import SYNTHETIC
from rarecare.figures.rates import rates_figure
from rarecare.figures.survival import survival_figure

__all__ = ["SYNTHETIC", "Figure", "rates_figure", "survival_figure"]

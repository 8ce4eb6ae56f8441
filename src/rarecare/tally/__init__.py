"""Plans, tallies, the numeric kernels, and the engines that run them."""

from rarecare.tally.plan import Plan
from rarecare.tally.tally import Tally, add_pairwise

__all__ = ["Plan", "Tally", "add_pairwise"]

"""Spread of ratings by RAND/UCLA the plain way, in floating point."""

import numpy as np


def spread(ratings):
    """Median, 30th and 70th percentile, IPR and IPRAS, each formula as it is printed."""
    median, p30, p70 = np.percentile(ratings, [50, 30, 70], method="linear")
    centre = (p30 + p70) / 2
    asymmetry = abs(5 - centre)
    return median, p30, p70, p70 - p30, 2.35 + 1.5 * asymmetry

"""Designs: natural splines in formulas."""

import numpy as np
import polars as pl
import pytest
from scipy.interpolate import CubicSpline

from rarecare.errors import ModelError
from rarecare.models.design import Design

AGES = pl.DataFrame({"age": np.linspace(30, 90, 61)})


def test_natural_splines_are_linear_beyond_the_ends_and_keep_their_knots():
    design, matrix = Design.of("~ ns(age, 3)", AGES)
    assert design.names == ("Intercept", "ns(age, 3)[1]", "ns(age, 3)[2]", "ns(age, 3)[3]")
    later = design.matrix(pl.DataFrame({"age": [95.0, 100.0, 105.0, 45.0], "sex": ["male"] * 4}))
    np.testing.assert_allclose(later[2] - later[1], later[1] - later[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(later[3], matrix[15], rtol=1e-12)


def test_natural_splines_span_what_natural_splines_span():
    """A cubic between its knots, twice smooth, straight outside: found by least squares exactly."""
    age = AGES["age"].to_numpy()
    knots = (30.0, 50.0, 70.0, 90.0)

    def natural(a, b, c, d):
        """The natural spline through values at the knots, by its second derivatives."""
        return CubicSpline(knots, [a, b, c, d], bc_type="natural")(age)

    _, matrix = Design.of("~ ns(age, knots=[50, 70])", AGES)
    for values in ((0, 1, 0, 2), (1, -1, 2, 0)):
        y = natural(*values)
        fitted = matrix @ np.linalg.lstsq(matrix, y)[0]
        np.testing.assert_allclose(fitted, y, atol=1e-9)


def test_two_columns_that_tell_the_same_are_named():
    with pytest.raises(ModelError, match="collinear"):
        Design.of("~ age + ns(age, 2)", AGES)

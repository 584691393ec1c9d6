"""Where rows are mixed and compared."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from skmix.active._views import make_view, mix_numbers


def test_the_ratio_is_the_share_of_the_first_image():
    Z = np.stack([np.ones((1, 2, 2)), np.zeros((1, 2, 2))])
    mixed = mix_numbers(Z, np.array([0]), np.array([1]), np.array([0.25]))
    assert_allclose(mixed, 0.25)


def test_categories_weigh_as_numbers_do():
    """A category apart: as far as two random rows are, on average, in a number."""
    X = pd.DataFrame({"a": [0.0, 1.0, 0.0, 1.0], "b": list("xxyy")})
    Z = make_view(None, X, np.arange(4), "from_dtype", "input").numbers(X)
    # The standard deviation of a, in each of the two indicators.
    assert_allclose(np.abs(Z[0] - Z[2]), [0, 0.5, 0.5])

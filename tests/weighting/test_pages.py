"""The code on the pages of the user guide about weights and the reward."""

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", ["weighting.rst", "reward.rst"])
def test_the_code_of_a_page_runs(page):
    found = doctest.testfile(
        str(PAGES / page), module_relative=False, optionflags=FLAGS, verbose=False
    )
    assert found.attempted > 5
    assert found.failed == 0

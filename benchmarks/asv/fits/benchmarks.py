"""Seconds and megabytes of a fit, at three numbers of rows.

    make asv

runs all of it in the environment of the other benchmarks and keeps the results.
"""

from __future__ import annotations

from .cases import NAMES, make_case, warm_up

N_COLUMNS = 20


class Fit:
    """A fit of each estimator."""

    params = (NAMES, (1000, 10_000, 100_000))
    param_names = ("estimator", "rows")
    # The median of up to ten fits, as far as these take two seconds in all.
    number = 1
    repeat = (1, 10, 2.0)
    rounds = 1
    warmup_time = 0
    timeout = 3600

    def setup(self, name, n):
        """Make the rows; load what a first fit loads."""
        warm_up()
        self.run = make_case(name, n, N_COLUMNS)

    def time_fit(self, name, n):
        """Seconds of a fit."""
        self.run()

    def peakmem_fit(self, name, n):
        """Most memory of the process, with its rows and what it has loaded."""
        self.run()

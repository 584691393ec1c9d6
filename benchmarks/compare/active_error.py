"""How far the standard errors of compare_selectors can be trusted.

    python benchmarks/compare/active_error.py

Repeats share rows of one data set, so that they are not independent. Here each
comparison gets data of its own, drawn from one population. The ratio that is printed is
the variance of the mean difference over these data, divided by the mean of its squared
standard errors: 1 where errors tell the truth about other data of the kind, greater
where they are too small. The last number is what the correction of
corrected_paired_difference would multiply them with.
"""

import argparse
from itertools import combinations

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skmix.active import LADASelector, compare_selectors
from skmix.metrics import paired_difference

SELECTORS = {
    "margin": LADASelector(augmentation=None, diversity=None),
    "BADGE": LADASelector(acquisition="badge", augmentation=None),
}
# Number of rows, and the classifier.
CASES = [
    (400, LogisticRegression()),
    (200, KNeighborsClassifier(3)),
    (120, LogisticRegression()),
]
REPEATS, TEST_SIZE = 10, 0.3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=int, default=60, help="data sets of each case")
    options = parser.parse_args()
    X, y = make_classification(
        24_000,
        n_features=10,
        n_informative=6,
        n_classes=3,
        flip_y=0.05,
        random_state=7,
    )
    corrected = 1 + REPEATS * TEST_SIZE / (1 - TEST_SIZE)
    for n_rows, estimator in CASES:
        found = {}
        for seed in range(options.data):
            rows = np.random.RandomState(seed).permutation(len(X))[:n_rows]
            area = compare_selectors(
                SELECTORS,
                X[rows],
                y[rows],
                estimator=estimator,
                budget=60,
                n_repeats=REPEATS,
                test_size=TEST_SIZE,
                random_state=seed,
            ).area_
            for pair in combinations(area, 2):
                difference = paired_difference(area[pair[1]], area[pair[0]])
                found.setdefault(pair, []).append(difference)
        for (base, other), results in found.items():
            differences, errors = np.array(results).T
            ratio = differences.var(ddof=1) / np.mean(errors**2)
            print(
                f"{n_rows} rows, {type(estimator).__name__}, {other} - {base}: "
                f"{differences.mean():+.4f}, ratio {ratio:.2f}, corrected "
                f"{corrected:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

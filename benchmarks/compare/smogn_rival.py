"""SMOGN on rows from a file, for an environment of its own.

    pip install smogn==0.1.2 "numpy<2.4" "pandas<3"
    python smogn_rival.py rows.npz resampled.npz

smogn 0.1.2 calls numpy.quantile with an argument that NumPy 2.4 no longer has, so that
it does not run beside skmix. `all_rows.py --smogn-python` names the interpreter.
"""

import random
import sys
import time

import numpy as np
import pandas as pd
import smogn


def resample(X, y, seed):
    """SMOGN with its default settings: rows and labels, and CPU seconds."""
    random.seed(seed)
    np.random.seed(seed)  # it draws from the global generators
    table = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    start = time.process_time()
    made = smogn.smoter(data=table.assign(y=y), y="y")
    return made[table.columns].to_numpy(float), made["y"], time.process_time() - start


def main():
    rows = np.load(sys.argv[1])
    X, y, seconds = resample(rows["X"], rows["y"], int(rows["seed"]))
    np.savez(sys.argv[2], X=X, y=y, seconds=seconds)


if __name__ == "__main__":
    main()

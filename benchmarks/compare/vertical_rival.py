"""Detectors that know labels, on rows from a file, for an environment of their own.

    pip install pyod==3.6.7 xgboost-cpu torch pandas tqdm
    pip install --no-deps deepod==0.4.1
    python vertical_rival.py XGBOD rows.npz result.npz

deepod 0.4.1 asks for torch before 1.13.1, which needs NumPy 1, but runs with a current
one. `vertical.py --rivals-python` names the interpreter.
"""

import sys
import time
import warnings

import numpy as np
import torch
from deepod.models.tabular import DeepSAD, DevNet
from pyod.models.xgbod import XGBOD


class FlatDevNet(DevNet):
    """DevNet with one label to each prediction.

    deepod 0.4.1 subtracts a row of labels from a column of predictions, which gives
    every pair of them a loss. The DevNet of pyod 3.6.7 is no way out: it passes
    predictions where its loss takes labels, and labels where it takes predictions.
    """

    def training_forward(self, batch_x, net, criterion):
        X, y = batch_x
        return criterion(y, net(X.float()).flatten())


def make_rival(name, seed):
    """Make one of the detectors with its default settings."""
    if name == "XGBOD":
        return XGBOD(random_state=seed)
    kind = {"DevNet": FlatDevNet, "DeepSAD": DeepSAD}[name]
    return kind(device="cpu", verbose=0, random_state=seed)


def main():
    name, source, target = sys.argv[1:]
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    rows = np.load(source)
    rival = make_rival(name, int(rows["seed"]))
    start = time.process_time()
    rival.fit(rows["X"], rows["y"])
    seconds = time.process_time() - start
    # For XGBOD, a probability.
    scores = rival.decision_function(rows["X_test"])
    np.savez(target, scores=scores, seconds=seconds)


if __name__ == "__main__":
    main()

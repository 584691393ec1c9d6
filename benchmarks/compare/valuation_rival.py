"""OpenDataVal's DVRL on rows from a file, for an environment of its own.

    pip install torch numpy pandas scikit-learn tqdm requests matplotlib
    pip install --no-deps opendataval==1.3.0
    python valuation_rival.py rows.npz result.npz

opendataval 1.3.0 asks for a torch that needs NumPy 1, but its DVRL runs with a current
one. Libraries that only its other parts use are not there. `weighting_cost.py
--rivals-python` names the interpreter.
"""

import sys
import time
import warnings
from unittest.mock import MagicMock

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

NOT_NEEDED = (
    "torchvision",
    "torchvision.models",
    "torchvision.transforms",
    "torchvision.transforms.functional",
    "torchvision.datasets",
    "transformers",
    "geomloss",
)
sys.modules.update({name: MagicMock() for name in NOT_NEEDED})

from opendataval.dataval import DVRL  # noqa: E402
from opendataval.metrics import accuracy  # noqa: E402
from opendataval.model.api import ClassifierSkLearnWrapper  # noqa: E402


def main():
    source, target = sys.argv[1:]
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    rows = np.load(source)
    n_classes = int(rows["y"].max()) + 1

    def tensors(X, y):
        one_hot = np.eye(n_classes, dtype=np.float32)[y]
        return torch.tensor(X, dtype=torch.float32), torch.tensor(one_hot)

    X, y = tensors(rows["X"], rows["y"])
    X_val, y_val = tensors(rows["X_val"], rows["y_val"])
    model = ClassifierSkLearnWrapper(LogisticRegression, n_classes, max_iter=200)
    results = {}
    for batch_size in rows["batch_sizes"].tolist():
        seed = int(rows["seed"])
        rival = DVRL(rl_batch_size=batch_size, random_state=seed)
        start = time.process_time()
        rival.input_data(X, y, X_val, y_val)
        rival.input_model(model).input_metric(accuracy)
        rival.train_data_values()
        values = rival.evaluate_data_values()
        results[f"seconds_{batch_size}"] = time.process_time() - start
        results[f"values_{batch_size}"] = values
    np.savez(target, **results)


if __name__ == "__main__":
    main()

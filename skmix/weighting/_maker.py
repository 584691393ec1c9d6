"""One run of learning an augmentation, and the rows that it makes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.neighbors import nearest_rows
from .._random import draw_seed
from ._encoding import TableRows
from ._targets import Targets
from ._transforms import ImageTransform, TableTransform, UserTransform
from ._weighers import make_network

# Of numbers to predict, partners are among so many nearest rows.
N_NEAREST = 5


class Made(NamedTuple):
    """Copies of rows: encoded, where they come from, and the partner's share."""

    X: NDArray[np.float64]
    Y: NDArray
    source: NDArray[np.intp]
    partner: NDArray[np.intp]
    share: NDArray[np.float64]


class Maker:
    """Learns a transformation of rows by validation rows.

    Parameters
    ----------
    owner : LearnedAugmenter
        Whose parameters say how.

    rows : TableRows or ImageRows
        All rows.

    targets : Targets
        Their targets.

    training : ndarray of shape (m,)
        Rows that are trained on.

    held_out : tuple of ndarray
        Encoded validation rows, and their targets.

    rng : RandomState
        Source of seeds.
    """

    def __init__(
        self,
        owner: Any,
        rows: Any,
        targets: Targets,
        training: NDArray[np.intp],
        held_out: tuple[NDArray, NDArray],
        rng: RandomState,
    ) -> None:
        from .._torch import bilevel, transforms  # imports torch
        from .._torch.device import resolve_device

        self.device = resolve_device(owner.device)
        self.device_name = str(self.device)
        self.training = training
        self.of_user = callable(owner.augmentation)
        self.rows, self.targets = rows, targets
        network = make_network(
            owner, rows.Z.shape[1:], targets.n_outputs, draw_seed(rng)
        )
        tensors = self._tensors(rows.Z[training], targets.Y[training])
        settings = {"learning_rate": owner.meta_learning_rate}
        seed = draw_seed(rng)
        if callable(owner.augmentation):
            self.transform: Any = transforms.make_user_transform(
                owner.augmentation, tensors, seed, **settings
            )
        elif isinstance(rows, TableRows):
            self.transform = transforms.TableTransform(
                tensors.X,
                tensors.Y,
                n_numbers=rows.n_numbers,
                blocks=list(rows.blocks.values()),
                n_labels=[len(classes) for classes in targets.classes or []],
                seed=seed,
                **self._classes(training),
                **settings,
            )
        else:
            self.transform = transforms.ImageTransform(tensors.X, **settings)
        self.learner: Any = bilevel.BilevelLearner(
            network.to(self.device),
            self.transform,
            targets.make_loss(),
            tensors,
            self._tensors(*held_out),
            learning_rate=owner.learning_rate,
            momentum=owner.momentum,
            weight_decay=owner.weight_decay,
            batch_size=owner.batch_size,
            warm_up=owner.warm_up,
            seed=draw_seed(rng),
        )

    def finish(self) -> None:
        """Let go of what no draw needs, and see all rows from now on."""
        del self.learner
        if not self.of_user:
            self.training = np.arange(len(self.rows.Z))
        self.device = self.transform.to_cpu()
        if hasattr(self.transform, "classes"):
            tensors = self._tensors(self.rows.Z, self.targets.Y)
            self.transform.bind(tensors.X, tensors.Y, **self._classes(self.training))
        self.result = self._describe()
        del self.rows, self.targets

    def draw(self, rows: Any, targets: Targets, n_copies: int, seed: int) -> Made:
        """Transform rows, each so many times.

        Those of a user's transformation are the rows that it was made with.
        """
        from .._torch import transforms

        tensors = self._tensors(rows.Z[self.training], targets.Y[self.training])
        drawn = transforms.draw(self.transform, tensors, n_copies, seed)
        return Made(
            drawn.X.astype(np.float64),
            drawn.Y,
            self.training[drawn.source],
            self.training[drawn.partner],
            drawn.share.astype(np.float64),
        )

    def _tensors(self, Z: NDArray, Y: NDArray) -> Any:
        from .._torch import bilevel

        return bilevel.make_rows(Z, Y, np.ones(len(Z)), self.device)

    def _classes(self, training: NDArray[np.intp]) -> dict[str, Any]:
        """Classes of rows by which strengths differ, and the partners of each row."""
        from .._torch.transforms import make_partners

        codes = self.targets.codes
        if self.targets.classes is None:
            known = np.column_stack([self.rows.Z, self.targets.Y])[training]
            near = nearest_rows(known, N_NEAREST)
            if not near.shape[1]:
                near = np.arange(len(training))[:, None]
            order, width = near.ravel(), near.shape[1]
            begin = np.arange(len(near)) * width
            count = np.full(len(near), width)
        else:
            order = np.argsort(codes[training], kind="stable")
            counts = np.bincount(codes[training], minlength=codes.max() + 1)
            begin = (np.cumsum(counts) - counts)[codes[training]]
            count = counts[codes[training]]
        return {
            "classes": codes[training],
            "n_classes": int(codes.max()) + 1,
            "partners": make_partners(order, begin, count, self.device),
        }

    def _describe(self) -> Any:
        """What was learned, as plain numbers."""
        learned = self.transform.arrays()
        if self.of_user:
            return UserTransform(learned)
        if not isinstance(self.rows, TableRows):
            return ImageTransform({name: float(a) for name, a in learned.items()})
        return TableTransform(
            learned["strength"],
            learned["noise"],
            self.targets.class_names(),
            self.rows.names,
            self.rows.redrawn,
        )

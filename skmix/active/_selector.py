"""LADA: rows to label are chosen by looking ahead at what their mixes would teach."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    num_samples,
    sampler_tags,
)
from .._containers import take_rows, with_rows
from .._core.batches import typical_rows
from .._core.lookahead import disjoint_pairs
from .._random import draw_seed
from .._training import seeded, torch_seeded
from .._validation import check_device_name, check_kind
from .._weights import fit_weighted
from ._acquisitions import (
    BALD,
    Acquisition,
    Entropy,
    FromProbabilities,
    Margin,
    RowAcquisition,
    VarRatio,
)
from ._adamixup import AdaMixup
from ._augmentations import Augmentation, InfoMixup, ManifoldMixup, Mixup
from ._cvae import CVAE
from ._images import STN, InfoSTN
from ._labels import PartialLabels, read_partial_y
from ._query import MAX_PARTNERS, SHORTLIST, SPREAD, Query
from ._request import Request, check_batch_size, read_candidates
from ._resample import ResampleMixin
from ._sets import BADGE, Coreset, Random
from ._vaal import VAAL
from ._views import (
    INPUT,
    View,
    make_view,
    refuse_single_output,
    split_pipeline,
    view_of_rows,
)
from ._virtual import Plan, gains_from_mixes

ACQUISITIONS: dict[str, type[Acquisition]] = {
    "entropy": Entropy,
    "var_ratio": VarRatio,
    "margin": Margin,
    "bald": BALD,
    "vaal": VAAL,
    "coreset": Coreset,
    "badge": BADGE,
    "random": Random,
}
NO_ROWS = np.empty(0, dtype=np.intp)

# Rows that fit looks ahead of, at most.
MAX_LOOKED_AT = 2000

# What a query leaves behind, beside what each one sets.
OF_A_QUERY = (
    "query_indices_",
    "estimator_",
    "classes_",
    "layer_",
    "own_scores_",
    "virtual_scores_",
    "utilities_",
)

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "mixup": Mixup,
    "manifold_mixup": ManifoldMixup,
    "infomixup": InfoMixup,
    "adamixup": AdaMixup,
    "stn": STN,
    "infostn": InfoSTN,
    "cvae": CVAE,
}


class LADASelector(ResampleMixin, OneToOneFeatureMixin, BaseEstimator):
    """Chooses rows to label by their scores and those of what would be made of them.

    Each row of the pool is worth its score, by default how close the two most probable
    classes are, and the mean score of its mixes with near rows: what a label there
    would teach. Of the ten times as many best rows, those are chosen that are apart.
    With other parameters this is LADA [1]_ as its paper has it, the baselines that it
    is compared with, or a pipeline that mixes after the choice; the user guide has the
    table.

    Parameters
    ----------
    estimator : classifier, default=None
        What the labels are for: any classifier with ``predict_proba``, also at the end
        of a pipeline, a :class:`LADAClassifier`, or a net of skorch. None means
        :class:`~sklearn.ensemble.RandomForestClassifier`.

    acquisition : str, Acquisition or callable, default="margin"
        What a row is worth: "margin", "entropy", "var_ratio", "bald" or "vaal" score
        rows one by one; "coreset", "badge" and "random" choose a batch as a set. A
        function of class probabilities (n, n_classes) returns a score for each row.

    augmentation : str, Augmentation or None, default="infomixup"
        What is made of rows: "mixup", "manifold_mixup", "infomixup", "adamixup", "stn",
        "infostn" or "cvae". None looks at rows alone, and makes nothing.

    lookahead : bool, default=True
        Whether what would be made of a row counts when it is chosen. False chooses
        first and mixes afterwards. Acquisitions of sets and augmentations that learn
        from labels cannot look ahead.

    lookahead_weight : float, default=1.0
        Weight of the scores of mixes beside those of rows; 1 is Eq. 15.

    pairing : {"neighbors", "labeled", "random"}, default="neighbors"
        With whom rows are mixed to look ahead. "neighbors": with the nearest other rows
        of the pool; "labeled": with the nearest rows that have a label. In both cases
        rows are chosen one by one. "random", the paper's: the pool is cut into pairs at
        random, and pairs are chosen. Of an odd batch the last pair gives only the row
        that is worth more by itself.

    n_neighbors : int, default=5
        Number of near rows.

    diversity : {"kmeans", None}, default="kmeans"
        Whether the batch is spread. "kmeans": of the ten times as many best rows, or
        pairs, the one in the middle of each cluster of k-means, weighted by what they
        are worth. None takes the best, which may be much the same. Acquisitions of sets
        spread by themselves.

    virtual_scope : {"auto", "round", "all", None}, default="auto"
        From which rows others are made to train with, once there are labels. "round":
        from those of the last query; "all": from all labelled rows. "auto" takes "all"
        for forests, trees and :class:`LADAClassifier`, which gain from it, and nothing
        for others; with `lookahead` False it takes "round" for all.

    n_virtual : int, default=4
        How many rows are made of a row or a pair. Together they weigh what one row
        does.

    guard : bool, default=True
        Whether :meth:`fit_resample` hands back the labelled rows alone unless mixes
        help in cross-validation. It says nothing on queries.

    max_candidates : int, default=None
        Number of rows of the pool that are looked at, drawn at random in each query.
        None looks at all.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask. Those of text, booleans
        and categories are found by their dtype. A mix takes those of its heavier row.

    missing_label : object, default=np.nan
        What stands in y where there is no label. NaN and None stand for each other.

    device : str, default="auto"
        Where networks beside the classifier are trained: "cpu", "cuda",
        "cuda:<number>" or "mps"; "auto" takes a CUDA device where there is one.

    random_state : int, RandomState or None, default=None
        Randomness of the choice, of mixes, and of a classifier without one of its own.
        An integer gives the same answer to the same rows and labels.

    Attributes
    ----------
    query_indices_ : ndarray of shape (k,)
        Rows of the last query, the most useful first.

    estimator_ : classifier
        The classifier that the last query or fit went by, if it went by one.

    classes_ : ndarray of shape (n_classes,)
        Its classes.

    own_scores_ : ndarray of shape (n,)
        Score of each row by itself; NaN where it was not looked at. Like the next two,
        after a query by scores of rows, and after fit.

    virtual_scores_ : ndarray of shape (n,)
        Expected score of what would be made of it; NaN where it was not on the
        shortlist.

    utilities_ : ndarray of shape (n,)
        What each row is worth; -inf where it is not on the shortlist, NaN where it
        could not be chosen.

    pairs_ : ndarray of shape (m, 2)
        Pairs of rows of the last query, to be mixed once they have labels.

    tau_ : ndarray of shape (m,)
        The Beta(tau, tau) of the ratios of these mixes.

    layer_ : str or int
        Where a network mixed rows in the last query; "input" for other classifiers.
        After a query by scores of rows, and after fit.

    history_ : dict of lists
        "policy_score": mean score of all mixes before the policy was trained and after
        each epoch; empty where there is none.

    acquisition_, augmentation_ : Acquisition, Augmentation
        What was used, with what it learned.

    parent_indices_ : ndarray of shape (m, 2)
        Rows that each mix of :meth:`fit_resample` is made of.

    mix_weights_ : ndarray of shape (m, 2)
        Their shares.

    accepted_ : bool
        Whether :meth:`fit_resample` gave out mixes.

    best_score_, baseline_score_ : float
        Minus the held-out log loss with mixes and without; NaN where not judged.

    chosen_ : str
        The verdict in words.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    See Also
    --------
    ActiveLearningLoop : Asks, trains, and asks again.
    LADAClassifier : A network that mixes rows at a hidden layer.
    as_skactiveml : The same as a strategy of scikit-activeml.

    Notes
    -----
    What it is worth. In our measurements the gain over margin sampling comes from the
    spread of the batch, and for forests and networks from training with mixes of all
    labelled rows. Looking ahead added a quarter of a point of accuracy, and as much
    where near rows were looked at without mixing them: the user guide has the figures.

    Where mixing happens. Rows of a table are mixed as they come; behind the
    transformers of a pipeline as these hand them on; in a network behind one of its
    layers, see :class:`ManifoldMixup`.

    Where rows are compared, each column of a table has the range from 0 to 1, and its
    mean for what is missing. Behind transformers rows are compared as these hand them
    on, before networks as these scale them.

    With fewer than two classes among the labels there is no classifier to ask. Then
    rows are chosen that stand for parts of the data without a label: the middle of the
    largest clusters of k-means, of as many as there will be labels.

    A query on n rows of p columns with c classes takes one prediction for each row,
    made in blocks of 8192, and for a shortlist of 20 rows to each one of the batch 7
    predictions for each of its 5 mixes. Memory beside X, and beside what the
    classifier takes for a block, in numbers of 8 bytes: at most 8 n + 40 000 (p + c)
    where rows are scored one by one, n (2 p + c + 10) for sets, and (batch size) n more
    with `return_utilities`. In a network p is the width of the layer where rows are
    mixed. Ties are broken at random.

    References
    ----------
    .. [1] Kim, Song, Jang and Moon, "LADA: look-ahead data acquisition via augmentation
       for active learning", 2020.

    .. [2] Zhdanov, "Diverse mini-batch active learning", 2019.

    Examples
    --------
    Twenty labels, and twenty more, ten at a time:

    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmix.active import LADASelector
    >>> X, truth = load_digits(return_X_y=True)
    >>> y = np.full(len(X), np.nan)
    >>> y[:20] = truth[:20]
    >>> selector = LADASelector(LogisticRegression(max_iter=500), random_state=0)
    >>> for _ in range(2):
    ...     rows = selector.query(X, y, batch_size=10)
    ...     y[rows] = truth[rows]  # ask someone who knows
    >>> int(np.isfinite(y).sum())
    40

    LADA as its paper has it, for an :class:`ActiveLearningLoop`, which carries weights
    over and trains with the mixes of the last query:

    >>> from skmix.active import InfoMixup, LADAClassifier
    >>> lada = LADASelector(
    ...     LADAClassifier(warm_start=True),
    ...     acquisition="entropy",
    ...     augmentation=InfoMixup(policy="network"),
    ...     pairing="random",
    ...     diversity=None,
    ...     virtual_scope="round",
    ...     max_candidates=2000,
    ... )
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"]), None],
        "acquisition": [StrOptions(set(ACQUISITIONS)), Acquisition, callable],
        "augmentation": [StrOptions(set(AUGMENTATIONS)), Augmentation, None],
        "lookahead": ["boolean"],
        "lookahead_weight": [Interval(Real, 0, None, closed="left")],
        "pairing": [StrOptions({"neighbors", "labeled", "random"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "diversity": [StrOptions({"kmeans"}), None],
        "virtual_scope": [StrOptions({"auto", "round", "all"}), None],
        "n_virtual": [Interval(Integral, 1, None, closed="left")],
        "guard": ["boolean"],
        "max_candidates": [Interval(Integral, 1, None, closed="left"), None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "missing_label": "no_validation",
        "device": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        acquisition: Any = "margin",
        augmentation: Any = "infomixup",
        lookahead: bool = True,
        lookahead_weight: float = 1.0,
        pairing: str = "neighbors",
        n_neighbors: int = 5,
        diversity: str | None = "kmeans",
        virtual_scope: str | None = "auto",
        n_virtual: int = 4,
        guard: bool = True,
        max_candidates: int | None = None,
        categorical_features: Any = "from_dtype",
        missing_label: Any = np.nan,
        device: str = "auto",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.acquisition = acquisition
        self.augmentation = augmentation
        self.lookahead = lookahead
        self.lookahead_weight = lookahead_weight
        self.pairing = pairing
        self.n_neighbors = n_neighbors
        self.diversity = diversity
        self.virtual_scope = virtual_scope
        self.n_virtual = n_virtual
        self.guard = guard
        self.max_candidates = max_candidates
        self.categorical_features = categorical_features
        self.missing_label = missing_label
        self.device = device
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LADASelector:
        """Train the classifier, and score all rows without a label.

        Of those that are worth most by themselves, up to 2000 are looked ahead of.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n, ...)
            All rows.

        y : array-like of shape (n,)
            Class labels, `missing_label` where there is none.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, for the classifier.

        Returns
        -------
        self : LADASelector
            The selector, with the scores in `utilities_`.

        Raises
        ------
        ValueError
            If rows, labels or parameters cannot be used, or no row has a label.
        """
        X, labels = self._read(X, y)
        n_needed = 1 + self._recipe()[0].needs_probabilities
        if len(labels.classes) < n_needed:
            raise ValueError(
                f"y holds labels of {len(labels.classes)} classes, and {n_needed} are "
                "needed to score rows: label more rows. query chooses some without a "
                "classifier."
            )
        request = Request(
            X=X,
            labels=labels,
            pool=np.flatnonzero(~labels.labelled),
            k=MAX_LOOKED_AT // (SHORTLIST * SPREAD),
            model=self._asked_estimator(),
            sample_weight=self._read_weight(sample_weight, X),
            rng=self._rng(labels),
        )
        self._begin_query()
        with torch_seeded(0):
            view = self._look_through(request)
            if len(request.pool) and isinstance(self.acquisition_, RowAcquisition):
                query = Query(
                    X, request.pool, view, self.acquisition_, request.rng, self.device
                )
                self._look(query, request)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def query(
        self,
        X: Any,
        y: Any,
        clf: Any = None,
        fit_clf: bool = True,
        sample_weight: Any = None,
        candidates: Any = None,
        batch_size: int = 1,
        return_utilities: bool = False,
    ) -> Any:
        """Choose rows to label.

        The signature is that of scikit-activeml's strategies.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n, ...)
            All rows, with a label or without.

        y : array-like of shape (n,)
            Class labels, `missing_label` where there is none.

        clf : classifier, default=None
            The classifier to go by; None takes `estimator`. A classifier passed here is
            trained on the labelled rows alone, without mixes.

        fit_clf : bool, default=True
            Whether a copy of it is trained first. False takes `clf` as it is, fitted;
            without `clf` that of the last query or fit.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, for training the classifier.

        candidates : array-like, default=None
            Rows that may be chosen: places in X, of shape (c,), or rows that need not
            be in X, of shape (c, ...). None means all rows without a label.

        batch_size : int, default=1
            Number of rows to choose. Where there are fewer, all are chosen, with a
            warning.

        return_utilities : bool, default=False
            Whether to return what the rows were worth at each choice.

        Returns
        -------
        query_indices : ndarray of shape (batch_size,)
            Places of the chosen rows in X, or in `candidates` where these are rows.

        utilities : ndarray of shape (batch_size, n) or (batch_size, c)
            What each row was worth; -inf where it was not on the shortlist, NaN where
            it could not be chosen or was chosen before. Only if `return_utilities`.

        Raises
        ------
        ValueError
            If rows, labels or parameters cannot be used, or no row is left.
        """
        X, labels = self._read(X, y)
        n_rows = len(labels.y)
        weight = self._read_weight(sample_weight, X)
        check_rows = partial(validate_data, self, skip_check_array=True, reset=False)
        X, labels, pool = read_candidates(X, labels, candidates, check_rows)
        # Candidates that are rows of their own lie behind those of X.
        offset = n_rows if len(labels.y) > n_rows else 0
        batch_size = check_batch_size(batch_size, len(pool), self.missing_label)
        request = Request(
            X=X,
            labels=labels,
            pool=pool,
            k=batch_size,
            model=self._model_for(clf, fit_clf),
            sample_weight=weight,
            rng=self._rng(labels),
            is_fitted=not fit_clf,
            is_own=clf is None,
        )
        if self.max_candidates is not None and self.max_candidates < len(pool):
            n = max(self.max_candidates, batch_size)
            request.pool = np.sort(request.rng.choice(pool, n, replace=False))
        self._begin_query()
        utilities = None
        if return_utilities:
            utilities = np.empty((batch_size, len(request.pool)))
        # What predicts may draw on torch's state, as the nets of skorch do.
        with torch_seeded(0):
            chosen = self._choose(request, utilities)
        self.query_indices_ = chosen - offset
        # Candidates that are no rows of X cannot be mixed with them later.
        self._queried = NO_ROWS if offset else chosen
        if offset:
            self._forget_pairs()
        if utilities is None:
            return self.query_indices_
        all_utilities = np.full((batch_size, len(labels.y)), np.nan)
        all_utilities[:, pool] = -np.inf
        all_utilities[:, request.pool] = utilities
        for place, row in enumerate(chosen):
            all_utilities[place + 1 :, row] = np.nan
        return self.query_indices_, all_utilities[:, offset:]

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Score rows by themselves, with the classifier of the last query or fit.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (m, ...)
            Any rows.

        Returns
        -------
        scores : ndarray of shape (m,)
            What the acquisition says of each row, without looking ahead.

        Raises
        ------
        ValueError
            If the acquisition chooses sets.
        """
        check_is_fitted(self, "estimator_")
        acquisition = self.acquisition_
        if not isinstance(acquisition, RowAcquisition):
            raise ValueError(
                f"{type(acquisition).__name__} scores no rows, it chooses a set of "
                "them: call query."
            )
        validate_data(self, X, skip_check_array=True, reset=False)
        X, rows = with_rows(X), np.arange(num_samples(X))
        with torch_seeded(0):
            view = acquisition._rebind(
                make_view(self.estimator_, X, rows, self.categorical_features, INPUT)
            )
            return Query(X, rows, view, acquisition).own

    def virtual_data(self, X: Any, y: Any) -> tuple[Any, NDArray, NDArray[np.float64]]:
        """Make the rows to train with beside the labelled ones.

        A mix of two classes comes as two rows with the shares as weights: for a
        classifier that minimises a weighted log loss, exactly its soft label. Which
        rows are mixed is a matter of `virtual_scope`.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n, ...)
            All rows.

        y : array-like of shape (n,)
            Class labels, now also of the rows of the last query.

        Returns
        -------
        X_virtual : {list, ndarray, data frame, sparse matrix} of shape (v, ...)
            New rows, like those of X; none where nothing is to be made.

        y_virtual : ndarray of shape (v,)
            Their labels.

        sample_weight : ndarray of shape (v,)
            Their weights.

        Raises
        ------
        ValueError
            If rows of the last query have no label yet.
        """
        X, labels = self._read(X, y, reset=not hasattr(self, "n_features_in_"))
        plan = self._plan(getattr(self, "estimator_", self._asked_estimator()))
        made = None if plan is None else plan.make(X, labels, self._rng(labels))
        if made is None:
            return take_rows(X, NO_ROWS), labels.of(NO_ROWS), np.empty(0)
        return made

    # How a query goes -----------------------------------------------------------------

    def _read(self, X: Any, y: Any, reset: bool = True) -> tuple[Any, PartialLabels]:
        """Check the labels, and what the selector itself needs of the rows."""
        check_device_name(self.device)
        check_kind(self.estimator, "classifier")
        if np.ndim(self.missing_label):
            raise ValueError(
                f"missing_label must be a single value, got {self.missing_label!r}."
            )
        validate_data(self, X, skip_check_array=True, reset=reset)
        return with_rows(X), read_partial_y(y, num_samples(X), self.missing_label)

    def _read_weight(self, sample_weight: Any, X: Any) -> NDArray[np.float64] | None:
        if sample_weight is None:
            return None
        return check_sample_weight(sample_weight, X, ensure_non_negative=True)

    def _model_for(self, clf: Any, fit_clf: bool) -> Any:
        """The classifier to go by: to be fitted, or fitted already."""
        if clf is not None:
            check_kind(clf, "classifier", "clf")
        if not fit_clf:
            model = getattr(self, "estimator_", None) if clf is None else clf
            if model is None:
                raise ValueError(
                    "fit_clf=False needs a fitted classifier: pass it as clf, or call "
                    "fit first."
                )
            check_is_fitted(model)
            return model
        return self._asked_estimator() if clf is None else clf

    def _rng(self, labels: PartialLabels) -> RandomState:
        """Randomness of a query: with an integer, other draws with other labels."""
        if isinstance(self.random_state, Integral):
            return RandomState([self.random_state, int(labels.labelled.sum())])
        return check_random_state(self.random_state)

    def _recipe(self) -> tuple[Acquisition, Augmentation | None]:
        """Acquisition and augmentation, checked together."""
        acquisition, augmentation = self.acquisition, self.augmentation
        if isinstance(acquisition, type):
            name = acquisition.__name__
            raise ValueError(
                f"acquisition must be an object, got the class {name}: pass {name}()."
            )
        if isinstance(acquisition, str):
            acquisition = ACQUISITIONS[acquisition]()
        elif isinstance(acquisition, Acquisition):
            acquisition = clone(acquisition)
        else:
            acquisition = FromProbabilities(acquisition)
        if isinstance(augmentation, str):
            augmentation = AUGMENTATIONS[augmentation]()
        acquisition._check_parameters()
        if augmentation is None:
            return acquisition, None
        augmentation._check_parameters()
        if self.lookahead and not acquisition.rowwise:
            raise ValueError(
                f"acquisition={self.acquisition!r} chooses a batch as a set and gives "
                "no score to a single mix, so that it cannot look ahead. Set "
                "lookahead=False to mix the chosen rows afterwards, or "
                "augmentation=None."
            )
        if self.lookahead and not augmentation.looks_ahead:
            raise ValueError(
                f"augmentation={self.augmentation!r} learns from labels, which rows to "
                "be queried do not have, so that it cannot look ahead. Set "
                "lookahead=False."
            )
        return acquisition, augmentation

    def _choose(
        self, request: Request, out: NDArray[np.float64] | None
    ) -> NDArray[np.intp]:
        """Choose rows of the pool; `out` (k, m) gets what each was worth each time."""
        acquisition, labels, pool = self.acquisition_, request.labels, request.pool
        if not isinstance(acquisition, Random) and request.is_cold(acquisition):
            if out is not None:
                out[:] = 0
            return self._choose_typical(request)
        view = None
        if not isinstance(acquisition, Random):
            view = self._look_through(request)
        if not isinstance(acquisition, RowAcquisition):
            rows = pool[
                acquisition._choose(
                    view, request.X, labels.rows, pool, request.k, request.rng, out
                )
            ]
            self._pair_at_random(rows, None, request.rng)
            return rows
        query = Query(request.X, pool, view, acquisition, request.rng, self.device)
        self._look(query, request)
        rows, pairs, tau = query.choose(request.k, self.diversity is not None)
        if pairs is None:
            self._pair_at_random(rows, query, request.rng)
        else:
            self.pairs_, self.tau_ = pairs, tau
        if out is not None:
            out[:] = query.utilities()[pool]
        return rows

    def _begin_query(self) -> None:
        """Check how to choose, and let nothing of an earlier query stay."""
        recipe = self._recipe()
        for name in OF_A_QUERY:
            vars(self).pop(name, None)
        self.acquisition_, self.augmentation_ = recipe
        self.history_: dict[str, list[float]] = {"policy_score": []}
        self._queried = NO_ROWS
        self._forget_pairs()

    def _forget_pairs(self) -> None:
        self.pairs_, self.tau_ = NO_ROWS.reshape(0, 2), np.empty(0)

    def _choose_typical(self, request: Request) -> NDArray[np.intp]:
        """Choose rows without a classifier."""
        known, pool, rng = request.labels.rows, request.pool, request.rng
        most = max(MAX_PARTNERS, request.k)
        if len(pool) > most:
            pool = rng.choice(pool, most, replace=False)
        rows = np.concatenate([known, pool])
        view = view_of_rows(request.model, request.X, rows, self.categorical_features)
        if view is None:
            return rng.choice(pool, request.k, replace=False)
        is_labelled = np.arange(len(rows)) < len(known)
        Z = view.numbers(take_rows(request.X, rows))
        return rows[typical_rows(Z, is_labelled, request.k, rng)]

    def _look_through(self, request: Request) -> View:
        """Fit the classifier, unless it is, and find where its rows are mixed."""
        X, labels, rng = request.X, request.labels, request.rng
        acquisition, augmentation = self.acquisition_, self.augmentation_
        rows = np.concatenate([labels.rows, request.pool])
        layer: str | int = INPUT
        if len(labels.classes) < 2 and not request.is_fitted:
            # What does not ask a classifier can do without one.
            view = view_of_rows(request.model, X, rows, self.categorical_features)
            if view is None:
                raise ValueError(
                    f"acquisition={self.acquisition!r} compares rows by numbers, and "
                    "those of X are text: label rows of two classes first."
                )
        else:
            self.estimator_ = self._fitted(request)
            self.classes_ = getattr(self.estimator_, "classes_", labels.classes)
            transform, last = split_pipeline(self.estimator_)
            if acquisition.needs_probabilities and not hasattr(last, "predict_proba"):
                raise ValueError(
                    f"acquisition={self.acquisition!r} asks for class probabilities, "
                    f"and {type(last).__name__} has no predict_proba: wrap it in "
                    "CalibratedClassifierCV, or use 'coreset', 'vaal' or 'random'."
                )
            if augmentation is not None:
                sample = transform(take_rows(X, rows[:4]))
                layer = augmentation._choose_layer(last, sample, rng)
            view = make_view(self.estimator_, X, rows, self.categorical_features, layer)
        self.layer_ = layer
        if isinstance(acquisition, RowAcquisition):
            return acquisition._bind(
                view, X, labels.rows, request.pool, rng, self.device
            )
        return view

    def _fitted(self, request: Request) -> Any:
        """The classifier, fitted."""
        if request.is_fitted:
            return request.model
        model = seeded(clone(request.model), request.model, draw_seed(request.rng))
        # Mixes of all rows are a matter of the labels. Those of the last query are one
        # of history, which a query must not depend on.
        plan = self._plan(model) if request.is_own else None
        plan = plan if plan is not None and plan.is_of_all else None
        weight = request.sample_weight
        return self._train(model, request.X, request.labels, weight, plan, request.rng)

    def _look(self, query: Query, request: Request) -> None:
        """Look ahead, and keep what was seen."""
        weight, augmentation = self.lookahead_weight, self.augmentation_
        # Ten rows to each one that is spread, and some for the look-ahead to choose.
        shortlist = SHORTLIST * SPREAD * request.k
        if augmentation is None or not self.lookahead:
            pass
        elif not augmentation.mixes_pairs:
            if self.diversity is not None:
                query.shortlist(shortlist)
            query.look_at_images(augmentation, weight)
        elif self.pairing == "random":
            if len(query.pool) // 2 >= -(-request.k // 2):
                query.look_at_pairs(augmentation, weight)
        else:
            query.shortlist(shortlist)
            of_labels = self.pairing == "labeled"
            partners = request.labels.rows if of_labels else query.candidates
            query.look_at_partners(augmentation, weight, partners, self.n_neighbors)
        self.own_scores_, self.virtual_scores_ = query.own, query.virtual
        self.utilities_ = query.utilities()
        self.history_["policy_score"] = query.history

    # What is made of labelled rows ----------------------------------------------------

    def _asked_estimator(self) -> Any:
        return RandomForestClassifier() if self.estimator is None else self.estimator

    def _plan(self, estimator: Any) -> Plan | None:
        """What is made of which labelled rows for a classifier."""
        augmentation = getattr(self, "augmentation_", self._recipe()[1])
        scope = self.virtual_scope
        if scope == "auto" and augmentation is not None:
            mixes = augmentation.mixes_pairs and gains_from_mixes(estimator)
            scope = "round" if not self.lookahead else "all" if mixes else None
        if augmentation is None or scope is None:
            return None
        return Plan(
            augmentation=augmentation,
            n_draws=self.n_virtual,
            kinds=self.categorical_features,
            device=self.device,
            layer=getattr(self, "layer_", None),
            is_of_all=scope == "all",
            rows=getattr(self, "_queried", NO_ROWS),
            pairs=getattr(self, "pairs_", NO_ROWS.reshape(0, 2)),
            tau=getattr(self, "tau_", np.empty(0)),
        )

    def _train(
        self,
        estimator: Any,
        X: Any,
        labels: PartialLabels,
        sample_weight: NDArray | None,
        plan: Plan | None,
        rng: RandomState,
    ) -> Any:
        """Fit a classifier, in place, on labelled rows and what is made of them."""
        refuse_single_output(estimator)
        X_rows, y = take_rows(X, labels.rows), labels.of(labels.rows)
        weight = None if sample_weight is None else sample_weight[labels.rows]
        with torch_seeded(draw_seed(rng)):
            if plan is None:
                return fit_weighted(estimator, X_rows, y, weight, rng)
            return plan.train(estimator, X, labels, weight, rng)

    def _pair_at_random(
        self, rows: NDArray[np.intp], query: Query | None, rng: RandomState
    ) -> None:
        """Pair rows that were chosen one by one, to mix them once they have labels."""
        augmentation = self.augmentation_
        if augmentation is None or not augmentation.mixes_pairs:
            return
        self.pairs_ = disjoint_pairs(rows, rng)
        self.tau_ = np.full(len(self.pairs_), getattr(augmentation, "tau", np.nan))
        if (
            query is not None
            and len(self.pairs_)
            and isinstance(augmentation, InfoMixup)
        ):
            self.tau_, _ = query.look(augmentation, *self.pairs_.T)

    def _forget_rows(self, rows: NDArray[np.intp]) -> None:
        """Make nothing of rows that got no label."""
        kept = ~np.isin(self.pairs_, rows).any(axis=1)
        self.pairs_, self.tau_ = self.pairs_[kept], self.tau_[kept]
        self._queried = np.setdiff1d(self._queried, rows)

    def __sklearn_tags__(self) -> Any:
        """Tell what X may be: what the classifier takes."""
        inner = get_tags(self._asked_estimator()).input_tags
        return sampler_tags(
            multi_output=False, sparse=inner.sparse, allow_nan=inner.allow_nan
        )

"""The rounds of active learning: train, ask, get labels, train again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state

from .._compat import HasMethods, Interval, fit_context, num_samples
from .._containers import take_rows, with_rows
from .._loop import Loop
from .._random import draw_seed
from .._training import interrupts_raised, seeded, torch_seeded
from ..callbacks import Checkpoint
from ..exceptions import warn_user
from ._interop import query_other
from ._labels import PartialLabels, is_missing, read_partial_y
from ._selector import LADASelector

Oracle = ArrayLike | Callable[[NDArray[np.intp]], ArrayLike]

# Rows of the pool whose predictions are compared from round to round.
MAX_COMPARED = 2000


class ActiveLearningLoop(CallbackSupportMixin, BaseEstimator):
    """Asks for labels in rounds, and trains a classifier on those that it has.

    In each round the selector chooses a batch of rows, someone labels them, and the
    classifier is trained on all labels, and on mixes where the selector asks for them.
    ``run`` does it all with an oracle. Where people answer in their own time, call
    ``start``, and ``ask`` and ``tell`` in turn.

    The state of the loop is the loop: pickle it at any time, between ``ask`` and
    ``tell``, too, and go on where it was.

    Parameters
    ----------
    selector : selector, default=None
        What chooses rows: None means :class:`LADASelector`. Any object with a ``query``
        like that of scikit-activeml's strategies will do.

    estimator : classifier, default=None
        What is trained; None takes that of the selector.

    batch_size : int, default=10
        Number of rows to ask for in a round.

    budget : int, default=None
        Number of labels to ask for in all; None until there is no row left, or a
        criterion stops.

    stopping : callable or list of callables, default=None
        Criteria such as :class:`UtilityBelow` and :class:`StablePredictions`: each gets
        ``history_`` after a round and says whether to stop. The first that does ends
        the run.

    scoring : str or callable, default=None
        Scorer of scikit-learn for the test rows; None takes the ``score`` of the
        classifier, which mostly is the accuracy.

    max_time : float, default=None
        Seconds that ``run`` may take; no round begins that would be over later.

    verbose : int, default=0
        Whether ``run`` shows a progress bar, which needs the package ``rich``.

    random_state : int, RandomState or None, default=None
        Randomness of the training of a classifier and a selector without one of their
        own. With an integer each run is the same.

    Attributes
    ----------
    estimator_ : classifier
        The classifier, trained on the labels so far. There is none before two classes
        have a label.

    selector_ : selector
        The selector, as the last query left it.

    y_ : ndarray of shape (n,)
        The labels so far.

    query_indices_ : ndarray of shape (k,)
        Rows that were asked for and not yet answered.

    queried_ : ndarray of shape (m,)
        All rows that were answered, in this order.

    skipped_ : ndarray of shape (s,)
        Rows that came back without a label. They are not asked for again.

    history_ : dict of lists
        A table with an entry for the labels at the start and one for each round:
        "n_labels", "score" on the test rows (only if there are some), "utility", the
        mean score of the rows of the round, "agreement" of the predictions for up to
        2000 rows of the pool with those before, "query_time" and "fit_time" in seconds.
        What is not known is NaN. ``pandas.DataFrame(loop.history_)`` makes a data frame
        of it.

    stop_reason_ : str
        Why the last ``run`` or ``resume`` ended.

    See Also
    --------
    LADASelector : Chooses rows once.
    skmix.plotting.LearningCurveDisplay : Draws several loops.

    Notes
    -----
    The score is for looking at: nothing in the loop uses test rows, and no criterion
    should, if they are to tell how good the classifier is. An ``EarlyStopping``
    callback does: its objective is minus the score, or minus the utility without test
    rows.

    Callbacks of :mod:`skmix.callbacks` see each round of ``run`` and ``resume``;
    ``ask`` and ``tell`` call none, and ask no criterion. A ``Checkpoint`` is not among
    them: the pickle of the loop is one. An oracle that cannot be pickled, such as a
    lambda, is left out of it, and of copies: pass it to ``resume``. Ctrl-C in ``run``
    ends it after what was answered so far; ``resume`` goes on.

    ``batch_size``, ``budget``, ``stopping``, ``scoring`` and ``max_time`` may be set
    anew while a loop goes on; selector and classifier are those that it began with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmix.active import ActiveLearningLoop, LADASelector
    >>> X, truth = load_iris(return_X_y=True)
    >>> y = np.full(150, np.nan)
    >>> y[[0, 50, 100]] = truth[[0, 50, 100]]
    >>> loop = ActiveLearningLoop(
    ...     LADASelector(LogisticRegression(max_iter=500)),
    ...     batch_size=5,
    ...     budget=15,
    ...     random_state=0,
    ... )
    >>> loop.run(X, y, oracle=truth).history_["n_labels"]
    [3, 8, 13, 18]
    >>> loop.estimator_.score(X, truth) > 0.9
    True

    With people:

    >>> loop = ActiveLearningLoop(batch_size=2, random_state=0).start(X, y)
    >>> rows = loop.ask()
    >>> loop.tell(truth[rows]).history_["n_labels"]
    [3, 5]
    """

    _parameter_constraints = {
        "selector": [HasMethods(["query"]), None],
        "estimator": [HasMethods(["fit"]), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "budget": [Interval(Integral, 1, None, closed="left"), None],
        "stopping": [callable, list, tuple, None],
        "scoring": [str, callable, None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        selector: Any = None,
        estimator: Any = None,
        *,
        batch_size: int = 10,
        budget: int | None = None,
        stopping: Callable | Sequence[Callable] | None = None,
        scoring: str | Callable | None = None,
        max_time: float | None = None,
        verbose: int | bool = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.selector = selector
        self.estimator = estimator
        self.batch_size = batch_size
        self.budget = budget
        self.stopping = stopping
        self.scoring = scoring
        self.max_time = max_time
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def run(
        self,
        X: Any,
        y: Any,
        oracle: Oracle,
        *,
        X_test: Any = None,
        y_test: Any = None,
    ) -> ActiveLearningLoop:
        """Ask for labels until the budget is spent or a criterion stops.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n, ...)
            All rows.

        y : array-like of shape (n,)
            Class labels; those that are missing as the selector's ``missing_label``
            has it.

        oracle : array-like of shape (n,) or callable
            Labels of all rows, or a function that gets places of rows, an ndarray of
            shape (k,), and returns their labels. Where it has no label for a row, it
            says what stands for a missing one.

        X_test : {array-like, data frame, sparse matrix} of shape (t, ...), default=None
            Rows on which the classifier is scored after each round.

        y_test : array-like of shape (t,), default=None
            Their labels.

        Returns
        -------
        self : ActiveLearningLoop
            The loop at its end.

        Raises
        ------
        ValueError
            If rows or labels cannot be used.
        """
        begin = time.monotonic()
        self._check_oracle(oracle, num_samples(X))
        self._set_up(X, y, X_test, y_test)
        self._oracle = oracle
        return self._go_on(begin)

    @fit_context(prefer_skip_nested_validation=False)
    def resume(self, oracle: Oracle | None = None) -> ActiveLearningLoop:
        """Go on with a run that was interrupted, unpickled, or given another budget.

        Parameters
        ----------
        oracle : array-like of shape (n,) or callable, default=None
            See :meth:`run`; None takes the one that was used last.

        Returns
        -------
        self : ActiveLearningLoop
            The loop at its end.

        Raises
        ------
        ValueError
            If there is no oracle.
        """
        self._check_started()
        oracle = self._oracle if oracle is None else oracle
        self._check_oracle(oracle, len(self.y_))
        self._oracle = oracle
        return self._go_on(time.monotonic())

    @fit_context(prefer_skip_nested_validation=False)
    def start(
        self, X: Any, y: Any, *, X_test: Any = None, y_test: Any = None
    ) -> ActiveLearningLoop:
        """Begin anew: train on the labels that are there, ask for none yet.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n, ...)
            All rows.

        y : array-like of shape (n,)
            Class labels; those that are missing as the selector's ``missing_label``
            has it.

        X_test : {array-like, data frame, sparse matrix} of shape (t, ...), default=None
            Rows on which the classifier is scored after each round.

        y_test : array-like of shape (t,), default=None
            Their labels.

        Returns
        -------
        self : ActiveLearningLoop
            The loop, ready to ask.

        Raises
        ------
        ValueError
            If rows or labels cannot be used.
        """
        self._set_up(X, y, X_test, y_test)
        self._update()
        return self

    def ask(self) -> NDArray[np.intp]:
        """Choose the rows of the next round.

        Returns
        -------
        rows : ndarray of shape (k,)
            Places of rows in X, for :meth:`tell`. Asked again before that, the same.

        Raises
        ------
        ValueError
            If the budget is spent, or no row is left.
        """
        self._check_started()
        if len(self.query_indices_):
            return self.query_indices_.copy()
        n_askable = self._n_askable()
        if n_askable < 1:
            if self.budget is not None and self._n_asked >= self.budget:
                raise ValueError(
                    f"There is nothing to ask for: the budget of {self.budget} labels "
                    "is spent. Raise it to go on."
                )
            raise ValueError(
                "There is nothing to ask for: every row has been asked for."
            )
        self._update()
        begin = time.perf_counter()
        rows, utility = self._query(min(self.batch_size, n_askable))
        self._asked = {
            "utility": utility,
            "query_time": time.perf_counter() - begin,
        }
        self.query_indices_ = rows
        return rows.copy()

    def tell(self, labels: ArrayLike) -> ActiveLearningLoop:
        """Take the labels of the rows that were asked for, and train with them.

        Parameters
        ----------
        labels : array-like of shape (k,)
            A label for each of ``query_indices_``, in their order. Where there is none,
            as nobody could tell, what stands for a missing one: the row is not asked
            for again.

        Returns
        -------
        self : ActiveLearningLoop
            The loop, trained on.

        Raises
        ------
        ValueError
            If nothing was asked for, or the labels are not one to a row, or of another
            kind than those that are there.
        """
        self._check_started()
        rows = self.query_indices_
        if not len(rows):
            raise ValueError("tell has no rows to label: call ask first.")
        if num_samples(labels) != len(rows):
            raise ValueError(
                f"labels must be one to each of the {len(rows)} rows of "
                f"query_indices_, got {num_samples(labels)}."
            )
        answers = read_partial_y(labels, len(rows), self._missing, name="labels")
        given = answers.labelled
        y = self.y_.copy()
        if given.any():
            y[rows[given]] = self._as_stored(answers.of(np.flatnonzero(given)))
        self.y_ = y
        self.queried_ = np.append(self.queried_, rows[given])
        self.skipped_ = np.append(self.skipped_, rows[~given])
        if isinstance(self.selector_, LADASelector):
            self.selector_._forget_rows(rows[~given])
        self._n_asked += len(rows)
        self.query_indices_ = np.empty(0, np.intp)
        # Drawn now, so that a training that is interrupted begins as it did.
        self._pending = {**self._asked, "seed": draw_seed(self._rng)}
        self._update()
        return self

    def _set_up(self, X: Any, y: Any, X_test: Any, y_test: Any) -> None:
        """Begin anew, without training."""
        if (X_test is None) != (y_test is None):
            missing = "X_test" if X_test is None else "y_test"
            raise ValueError(f"{missing} is missing: pass both, or neither.")
        self._criteria()
        rng = check_random_state(self.random_state)
        selector = LADASelector() if self.selector is None else self.selector
        missing_label = getattr(selector, "missing_label", np.nan)
        labels = read_partial_y(y, num_samples(X), missing_label)
        for name in ("estimator_", "stop_reason_"):
            vars(self).pop(name, None)
        self._rng, self._missing = rng, missing_label
        self.selector_ = _with_seed(selector, rng)
        self._model = _with_seed(self._asked_estimator(), rng)
        # Before the first label, nobody knows of what kind labels are.
        is_known = labels.labelled.any() and labels.y.dtype.kind in "fiu"
        self.y_ = labels.y.copy() if is_known else labels.y.astype(object)
        self._X, self._test, self._oracle = with_rows(X), (X_test, y_test), None
        self._n_asked, self._criterion = 0, ""
        self.query_indices_ = self.queried_ = self.skipped_ = np.empty(0, np.intp)
        free = np.flatnonzero(~labels.labelled)
        n_compared = min(len(free), MAX_COMPARED)
        self._compared = np.sort(rng.choice(free, n_compared, replace=False))
        self._predicted: NDArray | None = None
        names = ["n_labels", "score", "utility", "agreement", "query_time", "fit_time"]
        if X_test is None:
            names.remove("score")
        self.history_: dict[str, list] = {name: [] for name in names}
        self._pending = {
            "utility": np.nan,
            "query_time": np.nan,
            "seed": draw_seed(rng),
        }

    @with_callbacks
    def _go_on(self, begin: float) -> ActiveLearningLoop:
        """Ask and train until something says to stop."""
        callbacks = getattr(self, "_skl_callbacks", [])
        if any(isinstance(callback, Checkpoint) for callback in callbacks):
            raise ValueError(
                "A Checkpoint is of no use here: the loop is its own state, pickle it."
            )
        self._criteria()
        vars(self).pop("stop_reason_", None)
        self._criterion = ""
        interrupted = "Interrupted: resume goes on."
        try:
            # Of a round whose training was interrupted.
            if self._pending is not None:
                self._update()
                self._criterion = self._find_criterion() if self._n_asked else ""
        except KeyboardInterrupt:
            warn_user(interrupted, ConvergenceWarning)
            self.stop_reason_ = interrupted
            return self
        waiting = len(self.query_indices_)
        left = max(self._n_askable() - waiting, 0)
        # Selectors of others may give fewer rows than they are asked for.
        ours = isinstance(self.selector_, LADASelector)
        n_rounds = bool(waiting) + -(-left // (self.batch_size if ours else 1))
        loop = Loop(self, 1, (), self.max_time, begin)
        loop.run(
            _Rounds(self),
            "rounds",
            0 if self._criterion else n_rounds,
            window=1,
            keep_last=True,
        )
        loop.close()
        if loop.interrupted:
            self.stop_reason_ = interrupted
        elif self._criterion:
            self.stop_reason_ = f"{self._criterion} said so."
        elif self._n_askable() > 0:
            self.stop_reason_ = "A callback or max_time ended it: resume goes on."
        elif self.budget is not None and self._n_asked >= self.budget:
            self.stop_reason_ = "The budget was spent."
        else:
            self.stop_reason_ = "No row was left to ask for."
        return self

    def _check_oracle(self, oracle: Any, n_rows: int) -> None:
        if oracle is None:
            raise ValueError("oracle is missing: pass the labels, or who knows them.")
        if isinstance(oracle, dict | set):
            raise ValueError(
                f"oracle must hold a label to each row of X in their order, got a "
                f"{type(oracle).__name__}: pass a list, or a function of places."
            )
        if not callable(oracle) and num_samples(oracle) != n_rows:
            raise ValueError(
                f"oracle must have a label to each of the {n_rows} rows of X, got "
                f"{num_samples(oracle)}. To label some rows only, pass a function."
            )

    def _criteria(self) -> list[Callable]:
        """The criteria that may stop a run."""
        criteria = self.stopping
        if criteria is None:
            return []
        criteria = [criteria] if callable(criteria) else list(criteria)
        for criterion in criteria:
            if not callable(criterion):
                raise ValueError(
                    "stopping must hold functions of the history, such as "
                    f"StablePredictions(), got {criterion!r}."
                )
        return criteria

    def _check_started(self) -> None:
        if not hasattr(self, "y_"):
            raise NotFittedError(
                "This ActiveLearningLoop has not begun: call run or start first."
            )

    def _asked_estimator(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        if isinstance(self.selector_, LADASelector):
            return self.selector_._asked_estimator()
        raise ValueError(
            "estimator is missing, and the selector has none: pass a classifier."
        )

    def _as_stored(self, labels: NDArray) -> NDArray:
        """Labels as those that are there."""
        if self.y_.dtype == object:
            known = self.y_[~is_missing(self.y_, self._missing)]
            stored = labels.astype(object)
            is_text = labels.dtype.kind == "U"
            wrong = np.full(
                len(labels), len(known) and isinstance(known[0], str) != is_text
            )
        elif labels.dtype.kind in "fiub":
            stored = labels.astype(self.y_.dtype)
            wrong = stored != labels
        else:
            stored, wrong = labels, np.ones(len(labels), dtype=bool)
        if wrong.any():
            raise ValueError(
                f"labels holds {labels[wrong.argmax()].item()!r}, which does not go "
                f"with the labels in y, of dtype {self.y_.dtype}: pass labels of that "
                "kind, or begin with y of dtype object."
            )
        return stored

    def _n_askable(self) -> int:
        """Number of rows that can still be asked for."""
        missing = int(is_missing(self.y_, self._missing).sum())
        left = missing - len(self.skipped_)
        return left if self.budget is None else min(left, self.budget - self._n_asked)

    def _update(self) -> None:
        """Train on the labels and write the line of the table, unless that is done."""
        if self._pending is None:
            return
        begin = time.perf_counter()
        labels = read_partial_y(self.y_, len(self.y_), self._missing)
        if len(labels.classes) > 1:
            with interrupts_raised():
                self._train(labels, RandomState(self._pending["seed"]))
            self.estimator_ = self._model
        line = {
            **self._pending,
            "n_labels": int(labels.labelled.sum()),
            "fit_time": time.perf_counter() - begin,
        }
        # Nets of skorch draw on torch's state where they predict, too.
        with torch_seeded(0):
            line["agreement"] = self._agreement()
            if "score" in self.history_:
                line["score"] = self._score()
        for name, column in self.history_.items():
            column.append(line[name])
        self._pending = None

    def _train(self, labels: PartialLabels, rng: RandomState) -> None:
        if isinstance(self.selector_, LADASelector):
            plan = self.selector_._plan(self._model)
            self.selector_._train(self._model, self._X, labels, None, plan, rng)
            return
        rows = labels.rows
        with torch_seeded(draw_seed(rng)):
            self._model.fit(take_rows(self._X, rows), labels.of(rows))

    def _score(self) -> float:
        if not hasattr(self, "estimator_"):
            return np.nan
        scorer = check_scoring(self.estimator_, self.scoring)
        return float(scorer(self.estimator_, *self._test))

    def _agreement(self) -> float:
        """Share of the pool whose predictions are those of the round before."""
        if not hasattr(self, "estimator_") or not len(self._compared):
            return np.nan
        before = self._predicted
        self._predicted = self.estimator_.predict(take_rows(self._X, self._compared))
        return np.nan if before is None else float(np.mean(before == self._predicted))

    def _query(self, n: int) -> tuple[NDArray[np.intp], float]:
        """Rows of the selector's choice, and their mean utility."""
        X, y = self._X, self.y_
        request: dict[str, Any] = {
            "clf": self._model,
            "fit_clf": not hasattr(self, "estimator_"),
            "batch_size": n,
        }
        if isinstance(self.selector_, LADASelector):
            if len(self.skipped_):
                free = np.flatnonzero(is_missing(y, self._missing))
                request["candidates"] = np.setdiff1d(free, self.skipped_)
            chosen = self.selector_.query(X, y, **request)
            own = getattr(self.selector_, "own_scores_", None)
            return chosen, np.nan if own is None else float(own[chosen].mean())
        return query_other(self.selector_, X, y, self.skipped_, self._missing, request)

    def _find_criterion(self) -> str:
        """The criterion that says to stop, in words; empty where none does."""
        for criterion in self._criteria():
            if criterion(self.history_):
                return getattr(criterion, "__name__", repr(criterion))
        return ""

    def __getstate__(self) -> dict:
        """Leave out an oracle that is a lambda, or defined inside a function."""
        state = super().__getstate__()
        if "<" in getattr(state.get("_oracle"), "__qualname__", ""):
            state = {**state, "_oracle": None}
        return state


class _Rounds:
    """Rounds as the loop of all learners runs them.

    Parameters
    ----------
    loop : ActiveLearningLoop
        The loop, started.
    """

    def __init__(self, loop: ActiveLearningLoop) -> None:
        self.loop = loop

    def step(self) -> dict[str, Any]:
        """Ask, let the oracle answer, train."""
        loop, oracle = self.loop, self.loop._oracle
        rows = loop.ask()
        answers = oracle(rows) if callable(oracle) else take_rows(oracle, rows)
        loop.tell(answers)
        loop._criterion = loop._find_criterion()
        line = {name: column[-1] for name, column in loop.history_.items()}
        goal = line.get("score", -line["utility"])
        done = bool(loop._criterion) or loop._n_askable() < 1
        return {**line, "objective": -goal, "done": done}

    def state(self) -> dict:
        """Nothing: the loop is its own state."""
        return {}

    def load_state(self, state: dict) -> None:
        """Nothing to load."""

    policy, load_policy = state, load_state


def _with_seed(model: Any, rng: RandomState) -> Any:
    """A copy of a model, with a seed wherever it has none."""
    copy = clone(model, safe=False)
    return seeded(copy, copy, draw_seed(rng)) if hasattr(copy, "get_params") else copy

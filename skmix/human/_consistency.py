"""How well people agree with themselves and with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._judgments import MIDPOINTS, Judgments


@dataclass(kw_only=True)
class ConsistencyReport:
    """How consistent answers are, of each person and of all.

    Made by :func:`consistency_report`; ``print`` it for a table.

    Parameters
    ----------
    annotator : ndarray of shape (m,)
        Who answered.

    n_judgments : ndarray of shape (m,)
        Number of answers, repeated ones included.

    n_repeats : ndarray of shape (m,)
        Number of repeated questions.

    repeat_error : ndarray of shape (m,)
        Mean absolute difference between the first and the repeated answer; NaN without
        any.

    agreement_error : ndarray of shape (m,)
        Mean absolute difference from the mean of the others about the same item; NaN
        where nobody else judged any.

    bias : ndarray of shape (m,)
        Mean of the share that was seen of the first class, minus its part.

    seconds : ndarray of shape (m,)
        Median seconds of an answer.

    overall : dict of float
        The same of all answers together, and "repeat_correlation".

    See Also
    --------
    consistency_report : Makes one.

    Examples
    --------
    >>> from skmix.human import Judgments, consistency_report
    >>> answers = Judgments(
    ...     item=["m1", "m1"],
    ...     annotator=["kat", "tom"],
    ...     label_a=["cat"] * 2,
    ...     label_b=["dog"] * 2,
    ...     lam=[0.5] * 2,
    ...     inferred=[0.2, 0.5],
    ... )
    >>> report = consistency_report(answers)
    >>> report.annotator.tolist(), report.agreement_error.round(2).tolist()
    (['kat', 'tom'], [0.3, 0.3])
    """

    annotator: NDArray
    n_judgments: NDArray[np.intp]
    n_repeats: NDArray[np.intp]
    repeat_error: NDArray[np.float64]
    agreement_error: NDArray[np.float64]
    bias: NDArray[np.float64]
    seconds: NDArray[np.float64]
    overall: dict[str, float]

    def __str__(self) -> str:
        names = ["n_judgments", "n_repeats", "repeat_error", "agreement_error"]
        names += ["bias", "seconds"]
        width = max(9, *(len(str(name)) for name in self.annotator.tolist()), 3)
        widths = [max(len(name), 6) for name in names]
        titles = [name.rjust(n) for name, n in zip(names, widths, strict=True)]
        lines = [" ".join(["annotator".ljust(width), *titles])]
        rows = [
            (str(who), [getattr(self, name)[k] for name in names])
            for k, who in enumerate(self.annotator.tolist())
        ]
        rows.append(("all", [self.overall[name] for name in names]))
        for who, values in rows:
            cells = [
                f"{value:{n}.{0 if name.startswith('n_') else 3}f}"
                for name, value, n in zip(names, values, widths, strict=True)
            ]
            lines.append(" ".join([who.ljust(width), *cells]))
        return "\n".join(lines)


def consistency_report(judgments: Judgments) -> ConsistencyReport:
    """Compare answers with those of the same person, and with those of others.

    Parameters
    ----------
    judgments : Judgments
        Answers of one kind of question, or of several.

    Returns
    -------
    report : ConsistencyReport
        Numbers of each person and of all; ``print`` it for a table.

    Raises
    ------
    ValueError
        If there are no answers.

    Notes
    -----
    Of questions which mix is half and half the part that was chosen is compared, of
    others the share that was seen. In H-Mix the mean difference between repeated
    answers is 0.107, with a correlation of 0.855.

    Examples
    --------
    >>> from skmix.human import Judgments, consistency_report
    >>> answers = Judgments(
    ...     item=["m1", "m2", "m1", "m1"],
    ...     annotator=["kat", "kat", "kat", "tom"],
    ...     label_a=["cat"] * 4,
    ...     label_b=["dog"] * 4,
    ...     lam=[0.5] * 4,
    ...     inferred=[0.2, 0.5, 0.3, 0.4],
    ...     repeat=[False, False, True, False],
    ...     rt_ms=[4000, 5000, 3000, 8000],
    ... )
    >>> print(consistency_report(answers))
    annotator n_judgments n_repeats repeat_error agreement_error   bias seconds
    kat                 3         1        0.100           0.150 -0.167   4.000
    tom                 1         0          nan           0.150 -0.100   8.000
    all                 4         1        0.100           0.150 -0.150   4.500
    """
    if not len(judgments):
        raise ValueError("judgments is empty: there is nothing to compare.")
    is_midpoint = np.isin(judgments.kind, MIDPOINTS)
    value = np.where(is_midpoint, judgments.lam, judgments.inferred)
    people, person = np.unique(judgments.annotator, return_inverse=True)
    items, item = np.unique(
        [f"{k}/{i}" for k, i in zip(judgments.kind, judgments.item, strict=True)],
        return_inverse=True,
    )
    first, again = _repeated(person, item, judgments.repeat, len(items))
    # Of those without a share there is nothing to compare.
    both = np.isfinite(value[first]) & np.isfinite(value[again])
    before, after = value[first[both]], value[again[both]]
    change = np.full(len(value), np.nan)
    change[again] = np.abs(value[again] - value[first])
    distance = np.abs(value - _mean_of_others(value, person, item))
    error = np.where(is_midpoint, np.nan, judgments.inferred - judgments.lam)
    columns = {
        "repeat_error": (change, np.nanmean),
        "agreement_error": (distance, np.nanmean),
        "bias": (error, np.nanmean),
        "seconds": (judgments.rt_ms / 1000, np.nanmedian),
    }
    overall = {
        "n_judgments": float(len(value)),
        "n_repeats": float(len(again)),
        "repeat_correlation": float("nan"),
    }
    if len(before) > 1 and before.std() > 0 and after.std() > 0:
        overall["repeat_correlation"] = float(np.corrcoef(before, after)[0, 1])
    of_people = {}
    for name, (numbers, mean) in columns.items():
        groups = [numbers[person == k] for k in range(len(people))]
        *of_each, of_all = (
            float(mean(part)) if np.isfinite(part).any() else float("nan")
            for part in [*groups, numbers]
        )
        of_people[name] = np.array(of_each)
        overall[name] = of_all
    return ConsistencyReport(
        annotator=people,
        n_judgments=np.bincount(person),
        n_repeats=np.bincount(person[again], minlength=len(people)),
        overall=overall,
        **of_people,
    )


def _repeated(
    person: NDArray[np.intp],
    item: NDArray[np.intp],
    repeat: NDArray[np.bool_],
    n_items: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places of first answers, and of those to the same question asked once more."""
    trial = person * n_items + item
    known, place = np.unique(trial[~repeat], return_index=True)
    first = np.flatnonzero(~repeat)[place]
    again = np.flatnonzero(repeat)
    again = again[np.isin(trial[again], known)]
    return first[np.searchsorted(known, trial[again])], again


def _mean_of_others(
    value: NDArray[np.float64], person: NDArray[np.intp], item: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Of each answer, the mean of what other people answered about the item."""
    known = np.isfinite(value)
    filled = np.where(known, value, 0)
    pair = np.unique(np.column_stack([person, item]), axis=0, return_inverse=True)[1]
    pair = pair.reshape(-1)
    total = np.bincount(item, filled)[item] - np.bincount(pair, filled)[pair]
    count = np.bincount(item, known)[item] - np.bincount(pair, known)[pair]
    return np.divide(total, count, out=np.full(len(value), np.nan), where=count > 0)

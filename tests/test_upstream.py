"""What scikit-learn and imbalanced-learn do today, and why skmix is built as it is.

Each test pins one behaviour that skmix works around. One that fails tells that upstream
has changed: read its comment, and see whether the workaround can go.
"""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline as ImblearnPipeline
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmix import ResampledRegressor
from skmix.callbacks import History
from skmix.regression import MixRLResampler, MixupResampler

rng = np.random.RandomState(0)
X = rng.normal(loc=3, size=(20, 2))
y = rng.normal(size=20)
RARE = np.repeat([1.0, 2.0], [14, 6])
X_VAL, Y_VAL = X[:3], y[:3]
OVERSAMPLERS = [SMOTE(k_neighbors=3, random_state=0), RandomOverSampler(random_state=0)]


class Spy(BaseEstimator):
    """A sampler that keeps the X_val it was given, and adds no row."""

    def fit(self, X, y, X_val=None):
        return self

    def fit_resample(self, X, y, X_val=None):
        self.seen_X_val = X_val
        return X, y


class OurSpy(MixupResampler):
    """One of our resamplers that keeps the X_val it was given."""

    def fit_resample(self, X, y, *, X_val=None, y_val=None, groups=None):
        self.seen_X_val = X_val
        return super().fit_resample(X, y, X_val=X_val, y_val=y_val, groups=groups)


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


# Once imblearn takes continuous labels, its checks may pass on our resamplers for
# regression: see the expected failures in instances.py.
@pytest.mark.parametrize("sampler", OVERSAMPLERS)
def test_imblearn_refuses_continuous_labels(sampler):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        sampler.fit_resample(X, y)


# Why skmix decides the task by the class of the estimator, never by the labels.
@pytest.mark.parametrize("sampler", OVERSAMPLERS)
def test_imblearn_takes_whole_numbers_for_classes(sampler):
    counts = np.unique(sampler.fit_resample(X, RARE)[1], return_counts=True)
    assert np.array_equal(counts, [[1.0, 2.0], [14, 14]])


# Once imblearn says something, the warning about it in the user guide can go.
def test_imblearn_pipeline_drops_sampler_metadata_silently():
    pipeline = ImblearnPipeline([("sampler", Spy()), ("model", Ridge())])
    pipeline.fit(X, y, sampler__X_val=X_VAL)
    assert pipeline["sampler"].seen_X_val is None


# Once one request is enough, our default request for `fit` can go from base.py.
@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("missing", ["fit", "fit_resample"])
def test_imblearn_pipeline_wants_two_requests(missing):
    spy = Spy().set_fit_request(X_val=True).set_fit_resample_request(X_val=True)
    pipeline = ImblearnPipeline([("sampler", spy), ("model", Ridge())])
    assert pipeline.fit(X, y, X_val=X_VAL)["sampler"].seen_X_val is X_VAL
    getattr(spy, f"set_{missing}_request")(X_val=None)
    with pytest.raises(UnsetMetadataPassedError, match=f"Spy.{missing},"):
        pipeline.fit(X, y, X_val=X_VAL)


@pytest.mark.usefixtures("routing")
def test_our_requests_are_there_from_the_start():
    held_out = {"X_val": X_VAL, "y_val": Y_VAL, "groups": np.arange(20)}
    pipeline = ImblearnPipeline([("sampler", OurSpy()), ("model", Ridge())])
    assert pipeline.fit(X, y, **held_out)["sampler"].seen_X_val is X_VAL
    pipeline = Pipeline([("model", ResampledRegressor(resampler=OurSpy()))])
    assert pipeline.fit(X, y, **held_out)["model"].resampler_.seen_X_val is X_VAL


# Once samplers see transformed metadata, the user guide need no longer send those who
# have held-out rows to scikit-learn's Pipeline with Resampled*.
@pytest.mark.usefixtures("routing")
def test_imblearn_pipeline_ignores_transform_input_for_samplers():
    steps = [("scale", StandardScaler()), ("sampler", OurSpy()), ("model", Ridge())]
    pipeline = ImblearnPipeline(steps, transform_input=["X_val"])
    pipeline.fit(X, y, X_val=X_VAL, y_val=Y_VAL)
    assert pipeline["sampler"].seen_X_val is X_VAL


# Whatever has as many rows as X is sliced with it, be it held-out rows: the docs of
# X_val warn of it.
@pytest.mark.usefixtures("routing")
def test_cross_validation_slices_held_out_rows_that_are_as_many_as_the_rows():
    pipeline = ImblearnPipeline([("sampler", OurSpy()), ("model", Ridge())])
    for n_val, n_seen in [(19, 19), (20, 10)]:
        params = {"X_val": X[:n_val], "y_val": y[:n_val]}
        fits = cross_validate(
            pipeline, X, y, cv=2, params=params, return_estimator=True
        )["estimator"]
        assert [len(fit["sampler"].seen_X_val) for fit in fits] == [n_seen, n_seen]


# Once callbacks reach the steps, the docs need no longer say: set them on the sampler.
def test_pipeline_callbacks_do_not_reach_a_sampler():
    history = History()
    sampler = MixRLResampler(Ridge(), candidate_neighbors=(2,), random_state=0)
    pipeline = ImblearnPipeline([("sampler", sampler), ("model", Ridge())])
    pipeline.set_callbacks(history).fit(X, y)
    assert history.records == []
    sampler.set_callbacks(history)
    pipeline.set_params(sampler=sampler).fit(X, y)
    assert len(history.records) == 2


# Once the method is there either way, the import at the top of _compat.py can go.
@pytest.mark.parametrize(("first", "expected"), [("imblearn", True), ("skmix", False)])
def test_request_method_is_there_only_if_imblearn_was_imported_first(first, expected):
    script = f"""
import {first}
from sklearn.base import BaseEstimator
class Sampler(BaseEstimator):
    def fit_resample(self, X, y, X_val=None): ...
import imblearn
print(hasattr(Sampler, "set_fit_resample_request"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(expected)


def test_our_classes_have_the_request_method_whatever_was_imported_first():
    script = """
import sklearn.linear_model
from skmix.regression import MixupResampler
assert hasattr(MixupResampler, "set_fit_resample_request")
"""
    subprocess.run([sys.executable, "-c", script], check=True)


# Once scikit-learn's Pipeline takes samplers, Resampled* is only for weights and soft
# labels.
@pytest.mark.parametrize("sampler", [SMOTE(), MixupResampler()])
def test_sklearn_pipeline_refuses_samplers(sampler):
    pipeline = Pipeline([("sampler", sampler), ("model", LogisticRegression())])
    with pytest.raises(TypeError, match="should be transformers"):
        pipeline.fit(X, RARE)


# Why our resamplers have no `transform`.
def test_imblearn_pipeline_refuses_a_sampler_that_transforms():
    class Both(Spy):
        def transform(self, X):
            return X

    pipeline = ImblearnPipeline([("sampler", Both()), ("model", Ridge())])
    with pytest.raises(TypeError, match="implements both"):
        pipeline.fit(X, y)


# Why weights that a resampler learns travel inside Resampled*.
def test_weights_do_not_follow_the_rows_through_imblearns_pipeline():
    pipeline = ImblearnPipeline(
        [("sampler", RandomOverSampler()), ("model", LogisticRegression())]
    )
    with pytest.raises(ValueError, match="sample_weight"):
        pipeline.fit(X, RARE, model__sample_weight=np.ones(20))


# Why skmix rounds: cut off, whole numbers shrink.
def test_smote_cuts_off_the_decimals_of_integer_columns():
    whole = rng.poisson(6, size=(20, 2))
    smote = SMOTE(k_neighbors=3, random_state=0)
    cut = smote.fit_resample(pd.DataFrame(whole), RARE)[0][20:]
    exact = smote.fit_resample(whole.astype(float), RARE)[0][20:]
    assert np.array_equal(cut, np.trunc(exact))
    assert not np.array_equal(cut, np.rint(exact))


# Why skmix keeps containers itself. Once imblearn takes polars, ours may build on it.
@pytest.mark.parametrize("sampler", OVERSAMPLERS)
def test_imblearn_fails_on_polars(sampler):
    with pytest.raises(TypeError, match="Field elements must be 2- or 3-tuples"):
        sampler.fit_resample(pl.DataFrame(X, schema=["a", "b"]), RARE)


@pytest.mark.parametrize("sampler", OVERSAMPLERS)
def test_imblearn_turns_polars_labels_into_pandas(sampler):
    assert isinstance(sampler.fit_resample(X, pl.Series("t", RARE))[1], pd.Series)


# Why skmix keeps the index itself.
def test_smote_drops_the_index():
    index = [f"row{i}" for i in range(20)]
    X_new, _ = OVERSAMPLERS[0].fit_resample(pd.DataFrame(X, index=index), RARE)
    assert X_new.index.equals(pd.RangeIndex(28))


# Why weights cannot follow the rows through SMOTE. Once it tells the parents of its
# rows, compose.py can pass weights on.
def test_smote_does_not_tell_the_parents_of_its_rows():
    smote, random = OVERSAMPLERS
    smote.fit_resample(X, RARE)
    random.fit_resample(X, RARE)
    assert not hasattr(smote, "sample_indices_")
    assert len(random.sample_indices_) == 28


# Why compose.py splits a row with a soft label into one row for each class.
def test_classifiers_take_no_soft_labels():
    with pytest.raises(ValueError, match="1d array"):
        LogisticRegression().fit(X, np.column_stack([RARE, 3 - RARE]) / 3)

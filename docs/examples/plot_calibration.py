"""
What oversampling does to probabilities
=======================================

SMOTE makes the classes equally frequent. The classifier then believes that they are,
and what it gives to the rare class is far too much.
"""

# %%
# Six thousand simulated rows, 8 % of them in the rare class. The comparison reports
# two scores of labels and ranking and two of probabilities. It has two rivals of SMOTE
# that need no new rows: class weights, and a tuned decision threshold.
from imblearn.over_sampling import SMOTE
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skmix import ResampledClassifier, compare_resamplers

X, y = make_classification(
    6000,
    8,
    n_informative=5,
    n_redundant=0,
    weights=[0.93],
    class_sep=0.8,
    flip_y=0.02,
    random_state=0,
)
classifiers = {
    "logistic": LogisticRegression(),
    "forest": RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
}
comparison = compare_resamplers(
    classifiers, X, y, {"SMOTE": SMOTE()}, n_jobs=-1, random_state=0
)
comparison

# %%
# In macro F1, SMOTE gains nothing that is beyond two standard errors. The area under
# the ROC curve changes little. Log loss and Brier score get worse by many standard
# errors. Had one looked at one score only, one would not know. Class weights do as much
# good and as much harm. The tuned threshold gains most, and leaves the probabilities
# as they are.
#
# A calibration curve shows the price. A perfect classifier is on the diagonal: of the
# rows that it gives 60 %, 60 % are of the rare class.
import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import train_test_split

X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharey=True, layout="constrained")
for ax, (name, classifier) in zip(axes, classifiers.items(), strict=True):
    for sampler, label, color in [
        (None, "none", "#0072B2"),
        (SMOTE(random_state=0), "SMOTE", "#D55E00"),
    ]:
        model = ResampledClassifier(classifier, resampler=sampler)
        CalibrationDisplay.from_estimator(
            model.fit(X_train, y_train),
            X_test,
            y_test,
            n_bins=6,
            name=label,
            color=color,
            ax=ax,
        )
    ax.set(title=name, xlabel="Predicted probability", aspect="equal")
    ax.legend(loc="upper left", frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("Share of the rare class")
axes[1].set_ylabel("")
plt.show()

# %%
# If labels are what you need, move the threshold instead, as the comparison did:
# scikit-learn's ``TunedThresholdClassifierCV`` does so without touching the data or the
# probabilities.
from sklearn.metrics import f1_score
from sklearn.model_selection import TunedThresholdClassifierCV

tuned = TunedThresholdClassifierCV(classifiers["forest"], scoring="f1_macro")
smote = ResampledClassifier(classifiers["forest"], resampler=SMOTE(random_state=0))
for name, model in {
    "none": classifiers["forest"],
    "SMOTE": smote,
    "threshold tuned": tuned,
}.items():
    predicted = model.fit(X_train, y_train).predict(X_test)
    print(f"{name:16} macro F1 {f1_score(y_test, predicted, average='macro'):.3f}")

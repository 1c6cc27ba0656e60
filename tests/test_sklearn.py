"""The estimators: scikit-learn's own checks, and what MLPClassifier does."""

import pytest

pytest.importorskip("sklearn")
from sklearn.utils.estimator_checks import parametrize_with_checks

from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

# With mini-batches, a sample twice is not a sample of weight 2: they come in other batches. MLPClassifier marks both.
_WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": "batches of a repeated sample are other batches",
    "check_sample_weight_equivalence_on_sparse_data": "batches of a repeated sample are other batches",
}


@parametrize_with_checks(
    [
        NeuroneClassifier((8,), random_state=0),
        NeuroneClassifier((8, 8), "tanh", momentum=0.9, alpha=0.01, random_state=0),
        NeuroneClassifier((8,), batch_size=1, early_stopping=True, validation_fraction=0.4, random_state=0),
        NeuroneRegressor((8,), learning_rate_init=0.01, random_state=0),
        NeuroneRegressor((8,), "tanh", momentum=0.5, nesterovs_momentum=False, learning_rate_init=0.01, random_state=0),
    ],
    expected_failed_checks=lambda _: _WEIGHTS,
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)

"""Estimators for scikit-learn, to stand where `MLPClassifier(solver="sgd")` and `MLPRegressor` stood."""

import math

import numpy as np

from neurone import options
from neurone.errors import ExtraError, InputError
from neurone.network import Network
from neurone.training import Position, iterate

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d, compute_sample_weight
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ExtraError("scikit-learn 1.6 or later is not installed; run: pip install 'neurone[sklearn]'") from error

# MLPClassifier's, and as far for each sample as that goes with its default momentum of 0.9: 200 * (1 - 0.9).
_BATCH_WITH_MOMENTUM, _BATCH = 200, 20


def _trains_partly(estimator):
    if estimator.early_stopping:
        raise AttributeError("partial_fit does not go with early_stopping=True")
    return True


class _Perceptron(BaseEstimator):
    """What the two share. Parameters, attributes and methods are described in `NeuroneClassifier`."""

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="sgd",
        alpha=0.0,
        batch_size="auto",
        learning_rate_init=0.1,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.0,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        dtype="float32",
        threads=1,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.dtype = dtype
        self.threads = threads

    def fit(self, X, y, sample_weight=None, *, validation=None, callback=None):
        """Train for at most `max_iter` epochs, from new weights unless `warm_start`.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, features)
            CSR and CSC are trained on as they are, at a cost in proportion to what they store.
        y : array_like
        sample_weight : array_like, optional
            (samples,), factors of the samples' errors.
        validation : (X, y), optional
            Scored after every epoch; with `early_stopping` it takes the place of a part of the training set.
        callback : callable, optional
            Called with the `neurone.training.Report` of every epoch.

        Returns
        -------
        self
        """
        begin_anew = not (self.warm_start and hasattr(self, "network_"))
        X, y = self._checked(X, y, reset=begin_anew)
        targets = self._targets(y, begin_anew)
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(validation) != 2:
                raise InputError("validation is no pair; give (X, y)")
            held_out, answers = self._checked(*validation, reset=False)
        elif self.early_stopping:
            weights = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight)
            X, held_out, y, answers, targets, _, sample_weight, _ = train_test_split(
                X, y, targets, weights, test_size=self.validation_fraction, stratify=self._strata(y),
                random_state=check_random_state(self.random_state),
            )  # fmt: skip
        else:
            held_out = None
        self._begin(begin_anew)
        position = Position()
        best, rounds, best_parameters = math.inf, 0, None
        epochs = options.integer("max_iter", self.max_iter, 0)
        for report in self._epochs(X, y, targets, sample_weight, epochs, position):
            self.loss_curve_.append(report.cost)
            self.n_iter_ += 1
            self.t_ += X.shape[0]
            if held_out is not None:
                self.validation_curve_.append(self._score(answers, self.predict(held_out)))
            if self.verbose:
                score = "" if held_out is None else f", validation score = {self.validation_curve_[-1]:.6f}"
                print(f"Iteration {self.n_iter_}, loss = {report.cost:.8f}{score}")
            if callback is not None:
                callback(report)
            loss = -self.validation_curve_[-1] if self.early_stopping else report.cost
            if not loss <= best - self.tol:
                rounds += 1
            else:
                rounds = 0
            if loss < best:
                best = loss
                if self.early_stopping:
                    best_parameters = self.network_.parameters.copy()
            if rounds > self.n_iter_no_change:
                break
        self._velocity = position.velocity  # `partial_fit` goes on from it
        if best_parameters is not None:
            self.network_.parameters, self._velocity = best_parameters, None
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
        self.best_loss_ = min(self.loss_curve_, default=math.nan)
        return self

    @available_if(_trains_partly)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, on from the weights and the momentum of the call before."""
        first = not hasattr(self, "network_")
        X, y = self._checked(X, y, reset=first)
        targets = self._targets(y, first)
        if first:
            self._begin(True)
        position = Position(velocity=getattr(self, "_velocity", None))
        for report in self._epochs(X, y, targets, sample_weight, 1, position):
            self.loss_curve_.append(report.cost)
            self.loss_ = report.cost
            self.n_iter_ += 1
            self.t_ += X.shape[0]
        self._velocity = position.velocity
        return self

    def initialize(self, X, y):
        """Make the network for such data, with new weights, and train nothing; `partial_fit` may follow."""
        X, y = self._checked(X, y, reset=True)
        self._targets(y, True)
        self._begin(True)
        return self

    def hidden_outputs(self, X, layer=-1):
        """The outputs (samples, neurons) of a hidden layer, counted from 0; -1 is the last."""
        check_is_fitted(self)
        net, hidden = self.network_, len(self.network_.sizes) - 2
        if not hidden:
            raise InputError("the network has no hidden layer; give hidden_layer_sizes one")
        layer = options.integer("layer", layer, -hidden, hidden - 1) % hidden
        # The parameters in front of a layer are the first of the array; as an output, relu is the one there is not.
        output = "identity" if net.activation == "relu" else net.activation
        front = Network(
            net.sizes[: layer + 2], activation=net.activation, output=output, cost="half-quadratic",
            slope=net.slope, dtype=net.dtype.name,
        )  # fmt: skip
        front.parameters = net.parameters[: front.parameters.size]
        outputs = front.predict_proba(self._inputs(X))
        return np.maximum(outputs, 0) if net.activation == "relu" else outputs

    @property
    def coefs_(self):
        """Weights of each layer (inputs, outputs): views of the network's parameters."""
        return [self.network_.layer(layer)[1:] for layer in range(len(self.network_.sizes) - 1)]

    @property
    def intercepts_(self):
        """Biases of each layer (outputs,): views of the network's parameters."""
        return [self.network_.layer(layer)[0] for layer in range(len(self.network_.sizes) - 1)]

    def _begin(self, anew):
        if anew:
            hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)).tolist()
            if self.solver != "sgd":
                raise InputError(f"solver is {self.solver!r}; 'sgd' is the one there is")
            seed = int(check_random_state(self.random_state).randint(2**31))
            output, cost = self._output()
            self.network_ = Network(
                (self.n_features_in_, *hidden, self.n_outputs_), activation=self.activation, output=output, cost=cost,
                dtype=self.dtype, seed=seed,
            )  # fmt: skip
            self.n_iter_, self.t_ = 0, 0
            self._velocity = None
        self.n_layers_, self.out_activation_ = len(self.network_.sizes), self.network_.output
        self.loss_curve_, self.validation_curve_ = [], []

    def _epochs(self, X, y, targets, sample_weight, epochs, position):
        batch_size = self.batch_size
        if isinstance(batch_size, str) and batch_size == "auto":
            batch_size = min(_BATCH_WITH_MOMENTUM if self.momentum else _BATCH, X.shape[0])
        return iterate(
            self.network_, X, targets,
            learning_rate=options.positive("learning_rate_init", self.learning_rate_init, self.network_.dtype.type),
            decay=1.0, reduction="mean", shuffle=self.shuffle,
            # Another order in every call: an epoch's is a function of the seed and its number.
            seed=self.network_.seed + self.n_iter_, epochs=epochs, kernels="fast", threads=self.threads,
            batch_size=batch_size,
            momentum=self.momentum, nesterovs_momentum=self.nesterovs_momentum, alpha=self.alpha,
            sample_weight=self._factors(y, sample_weight), validation=None, progress=None, position=position,
        )  # fmt: skip

    def _checked(self, X, y, reset):
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], dtype=[np.float32, np.float64], multi_output=True, reset=reset,
            y_numeric=isinstance(self, RegressorMixin),
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X.tocsr() if hasattr(X, "tocsr") else X, y

    def _inputs(self, X):
        return validate_data(self, X, accept_sparse=["csr", "csc"], dtype=[np.float32, np.float64], reset=False)

    def _outputs(self, X):
        check_is_fitted(self)
        return self.network_.predict_proba(self._inputs(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class NeuroneClassifier(ClassifierMixin, _Perceptron):
    """A dense network for classes, or for several labels at once: bit for bit the same for a given `random_state`.

    Two classes have one logistic output, more a softmax, several labels at once (`y` of 0 and 1, (samples, labels)) a
    logistic output each; all with the logarithmic cost.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default (100,)
    activation : {"relu", "logistic", "tanh", "identity"}, default "relu"
    solver : {"sgd"}
        The one there is; so that `MLPClassifier(solver="sgd", ...)` needs another class name alone, unless it was given
        a `learning_rate` schedule or what belongs to other solvers.
    alpha : float, default 0
        L2 penalty. 0, because like `momentum` it makes every correction touch every weight: those of pixels and words
        that a batch has none of too.
    batch_size : int or "auto", default "auto"
        Samples of a correction, at most all. "auto" is 200 with momentum, as in `MLPClassifier`, and 20 without: each
        sample then moves the weights as far as there with its default momentum of 0.9.
    learning_rate_init : float, default 0.1
    max_iter : int, default 200
        Epochs.
    shuffle : bool, default True
    random_state : int, RandomState instance or None
    tol, n_iter_no_change : float, int, default 1e-4, 10
        Training ends when so many epochs in a row have not improved the loss (or, with `early_stopping`, the
        validation score) by `tol`.
    verbose : bool, default False
        A line for each epoch.
    warm_start : bool, default False
        `fit` goes on from the weights it finds.
    momentum, nesterovs_momentum : float, bool, default 0, True
    early_stopping, validation_fraction : bool, float, default False, 0.1
        Score a part of the training set, held out, after every epoch, and keep the best weights.
    class_weight : dict, "balanced" or None
        Factors of the classes' errors.
    dtype : {"float32", "float64"}, default "float32"
        Width of the arithmetic.
    threads : int, default 1
        At most so many share the work of a batch; any number gives the same bits.

    Attributes
    ----------
    network_ : Network
        What was trained: `network_.save(path)`, `network_.parameters`.
    classes_ : ndarray
    coefs_, intercepts_ : list of ndarray
        Views of the network's parameters.
    loss_curve_, validation_curve_ : list of float
        The mean cost of each epoch, taken as the samples pass, without the penalty; and the accuracy (of a regressor,
        R^2) on the validation set, where there is one.
    n_iter_, n_layers_, n_outputs_, out_activation_, loss_, best_loss_, t_
        As in `MLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NeuroneClassifier((10,), random_state=0, max_iter=100).fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="sgd",
        alpha=0.0,
        batch_size="auto",
        learning_rate_init=0.1,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.0,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        class_weight=None,
        dtype="float32",
        threads=1,
    ):
        # All of them once more, because scikit-learn reads the parameters' names from this signature.
        super().__init__(
            hidden_layer_sizes, activation, solver=solver, alpha=alpha, batch_size=batch_size,
            learning_rate_init=learning_rate_init, max_iter=max_iter, shuffle=shuffle, random_state=random_state,
            tol=tol, verbose=verbose, warm_start=warm_start, momentum=momentum, nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping, validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change, dtype=dtype, threads=threads,
        )  # fmt: skip
        self.class_weight = class_weight

    @available_if(_trains_partly)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch; `classes`, all that will ever come, at the first call, where `y` lacks some."""
        if classes is not None and not hasattr(self, "network_"):
            self._announced = np.unique(classes)
        try:
            return super().partial_fit(X, y, sample_weight)
        finally:
            self.__dict__.pop("_announced", None)

    def predict(self, X):
        """Classes (samples,), or 0 and 1 (samples, labels)."""
        outputs = self._outputs(X)
        if self._several:
            return (outputs >= 0.5).astype(np.int64)
        if outputs.shape[1] == 1:
            return self.classes_[(outputs[:, 0] >= 0.5).astype(int) % len(self.classes_)]
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X):
        """Probabilities (samples, classes) or (samples, labels)."""
        outputs = self._outputs(X)
        if self._several or outputs.shape[1] > 1:
            return outputs
        if len(self.classes_) == 1:
            return np.ones_like(outputs)
        return np.hstack([1 - outputs, outputs])

    def predict_log_proba(self, X):
        """Their logarithms."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _targets(self, y, anew):
        check_classification_targets(y)
        several = type_of_target(y).startswith("multilabel")
        found = unique_labels(y)
        if anew:
            self._several = several
            self.classes_ = getattr(self, "_announced", found)
            self.n_outputs_ = len(self.classes_) if several or len(self.classes_) > 2 else 1
        if several != self._several or (several and len(found) != len(self.classes_)):
            raise InputError("y holds several labels a sample and did not before, or the other way round")
        if several:
            return (y.toarray() if hasattr(y, "toarray") else y).astype(np.float64)
        if not np.isin(found, self.classes_).all():
            raise InputError(f"y holds the classes {found}, and the network was made for {self.classes_}")
        return np.searchsorted(self.classes_, y.ravel())

    def _output(self):
        return ("softmax" if self.n_outputs_ > 1 and not self._several else "logistic"), "log"

    def _factors(self, y, sample_weight):
        if self.class_weight is None:
            return sample_weight
        factors = compute_sample_weight(self.class_weight, y)
        return factors if sample_weight is None else factors * sample_weight

    def _strata(self, y):
        return None if self._several else y

    _score = staticmethod(accuracy_score)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NeuroneRegressor(RegressorMixin, _Perceptron):
    """A dense network for numbers: outputs as they are, and half the squared error.

    Parameters, attributes and methods as `NeuroneClassifier`, but for `class_weight` and `classes_`. Targets and inputs
    are best scaled to a variance near 1, or the learning rate chosen smaller.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> NeuroneRegressor((20,), "tanh", random_state=1).fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.9
    True
    """

    def predict(self, X):
        """Numbers (samples,) or (samples, outputs)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs

    def _targets(self, y, anew):
        y = np.asarray(y, np.float64)
        targets = y.reshape(len(y), -1)
        if anew:
            self._flat, self.n_outputs_ = y.ndim == 1, targets.shape[1]
        return targets

    def _output(self):
        return "identity", "half-quadratic"

    def _factors(self, y, sample_weight):
        return sample_weight

    def _strata(self, y):
        return None

    _score = staticmethod(r2_score)

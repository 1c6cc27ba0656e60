"""Estimators for scikit-learn, to replace `MLPClassifier(solver="sgd")` and `MLPRegressor`."""

import math

import numpy as np

from neurone import options
from neurone.datasets.arrays import as_factors
from neurone.engine.optimizer import Optimizer
from neurone.errors import ExtraError, InputError
from neurone.network import Network
from neurone.training.fit import iterate
from neurone.training.reports import Position
from neurone.training.rules import LEAST_RATE, SCHEDULES, Course, Rules, check_callback, follow

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d, compute_class_weight, compute_sample_weight
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ExtraError("scikit-learn 1.6 or later is not installed; run: pip install 'neurone[sklearn]'") from error

# MLPClassifier's batch; and the one without momentum with which each sample moves the weights as far as there with the
# default momentum of 0.9: 200 * (1 - 0.9).
_BATCH_WITH_MOMENTUM, _BATCH = 200, 20


def _trains_partly(estimator):
    if estimator.early_stopping:
        raise AttributeError("partial_fit does not go with early_stopping=True")
    return True


class _Perceptron(BaseEstimator):
    """The common part of the two estimators. `NeuroneClassifier` describes parameters, attributes and methods."""

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="sgd",
        alpha=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.1,
        power_t=0.5,
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
        tuning="background",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
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
        self.tuning = tuning

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
            Called with the `neurone.Report` of every epoch. An exception that it raises ends the training; what was
            trained stays.

        Returns
        -------
        self
        """
        self._check_options()
        check_callback(callback)
        begin_anew = not (self.warm_start and hasattr(self, "network_"))
        X, y = self._checked(X, y, begin_anew)
        targets = self._targets(y)
        if sample_weight is not None:
            sample_weight = as_factors(sample_weight, X.shape[0], np.dtype(np.float64))
        if validation is not None:
            if not isinstance(validation, tuple | list) or len(validation) != 2:
                raise InputError("validation is no pair; give (X, y)")
            validation = self._checked(*validation, False)
            self._targets(validation[1])
        elif self.early_stopping:
            if options.positive("validation_fraction", self.validation_fraction) >= 1:
                raise InputError(f"validation_fraction is {self.validation_fraction}; give a number between 0 and 1")
            train, held_out = train_test_split(
                np.arange(X.shape[0]), test_size=self.validation_fraction, stratify=self._strata(y),
                random_state=check_random_state(self.random_state),
            )  # fmt: skip
            validation = X[held_out], y[held_out]
            X, y, targets = X[train], y[train], targets[train]
            sample_weight = None if sample_weight is None else sample_weight[train]
        self._begin(begin_anew)
        self._position = Position(course=Course(samples=self.t_))
        self.loss_curve_, self.validation_curve_ = [], []
        return self._train(X, y, targets, sample_weight, self.max_iter, validation, callback)

    @available_if(_trains_partly)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, continuing with the weights and the momentum of the last call."""
        return self._partial_fit(X, y, sample_weight)

    def initialize(self, X, y):
        """Make the network for data like these, with new weights, and train nothing; `partial_fit` may follow."""
        self._check_options()
        self._checked(X, y, True)
        self._begin(True)
        return self

    def hidden_outputs(self, X, layer=-1):
        """The outputs (samples, neurons) of a hidden layer, counted from 0; -1 is the last."""
        X = self._known(X)
        net, hidden = self.network_, len(self.network_.sizes) - 2
        if not hidden:
            raise InputError("the network has no hidden layer; give hidden_layer_sizes one")
        layer = options.integer("layer", layer, -hidden, hidden - 1) % hidden
        # The parameters before a layer come first in the array. Of the activations, only relu cannot be an output.
        output = "identity" if net.activation == "relu" else net.activation
        front = Network(
            net.sizes[: layer + 2], activation=net.activation, output=output, cost="half-quadratic",
            slope=net.slope, dtype=net.dtype.name,
        )  # fmt: skip
        front.parameters = net.parameters[: front.parameters.size]
        outputs = front.predict_proba(X)
        return np.maximum(outputs, 0) if net.activation == "relu" else outputs

    @property
    def coefs_(self):
        """Weights of each layer (inputs, outputs): views of the network's parameters."""
        return [self.network_.layer(layer)[1:] for layer in range(len(self.network_.sizes) - 1)]

    @property
    def intercepts_(self):
        """Biases of each layer (outputs,): views of the network's parameters."""
        return [self.network_.layer(layer)[0] for layer in range(len(self.network_.sizes) - 1)]

    def _check_options(self):
        if self.solver != "sgd":
            raise InputError(f"solver is {self.solver!r}; 'sgd' is the only one")
        width = np.dtype(options.choice("dtype", self.dtype, options.DTYPES)).type
        options.choice("learning_rate", self.learning_rate, SCHEDULES)
        options.positive("learning_rate_init", self.learning_rate_init, width)
        options.integer("max_iter", self.max_iter, 0)
        if self.n_iter_no_change != math.inf:
            options.integer("n_iter_no_change", self.n_iter_no_change)
        for name in ("tol", "power_t"):
            options.not_negative(name, getattr(self, name))
        options.choice("tuning", self.tuning, options.TUNINGS)
        for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping"):
            options.flag(name, getattr(self, name))

    def _begin(self, anew):
        """Make a network, or check that the existing one is what the parameters ask for."""
        hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)).tolist()
        sizes = self.n_features_in_, *hidden, self.n_outputs_
        if anew:
            seed = int(check_random_state(self.random_state).randint(2**31))
            output, cost = self._output()
            self.network_ = Network(
                sizes, activation=self.activation, output=output, cost=cost, dtype=self.dtype, seed=seed
            )
            self.n_iter_, self.t_, self._position = 0, 0, Position()
            self.loss_curve_, self.validation_curve_ = [], []
        net = self.network_
        asked, found = (sizes, self.activation, self.dtype), (net.sizes, net.activation, net.dtype.name)
        if asked != found:
            raise InputError(f"the network asked for is {asked}, but the one to go on from is {found}; fit anew")
        self.n_layers_, self.out_activation_ = len(net.sizes), net.output

    def _partial_fit(self, X, y, sample_weight, classes=None):
        self._check_options()
        first = not hasattr(self, "network_")
        X, y = self._checked(X, y, first, classes)
        self._begin(first)
        return self._train(X, y, self._targets(y), sample_weight, 1)

    def _train(self, X, y, targets, sample_weight, epochs, validation=None, callback=None):
        """Train for at most `epochs` epochs, for `fit` and `partial_fit`. If a callback or Ctrl-C ends the training,
        what it gave is kept."""
        # Epochs are counted anew; the optimiser's memory, and the course, continue from the last call.
        position = Position(memory=self._position.memory, course=self._position.course)
        self._position, course = position, position.course
        course.ended = False  # another call of `partial_fit` asks for another epoch

        def judge(report):
            if validation is not None:
                self.validation_curve_.append(self._score(validation[1], self._answers(validation[0])))
            return -self.validation_curve_[-1] if self.early_stopping else report.cost

        def record(report):
            self.loss_curve_.append(report.cost)
            self.n_iter_ += 1
            self.t_ = course.samples
            if self.verbose:
                score = "" if validation is None else f", validation score = {self.validation_curve_[-1]:.6f}"
                print(f"Iteration {self.n_iter_}, loss = {report.cost:.8f}{score}")
            if callback is not None:
                callback(report)

        try:
            reports = self._epochs(X, y, targets, sample_weight, epochs, judge, position)
            follow(reports, self.network_, course, record)
        finally:
            if course.parameters is not None:  # put back, and the optimiser's memory does not belong to them
                course.parameters = position.memory = None
            self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
            self.best_loss_ = min(self.loss_curve_, default=math.nan)
            self.best_validation_score_ = max(self.validation_curve_, default=None)
        return self

    def _epochs(self, X, y, targets, sample_weight, epochs, judge, position):
        batch_size, part = self.batch_size, 1.0
        if isinstance(batch_size, str) and batch_size == "auto":
            if hasattr(X, "tocsr") and not self.momentum and not self.alpha:
                batch_size, part = 1, min(_BATCH, X.shape[0])
            else:
                batch_size = min(_BATCH_WITH_MOMENTUM if self.momentum else _BATCH, X.shape[0])
        rules = Rules(
            self.learning_rate_init / part, schedule=self.learning_rate, power_t=self.power_t,
            patience=self.n_iter_no_change, tol=self.tol, keep_best=self.early_stopping, least_rate=LEAST_RATE / part,
            judge=judge,
        )  # fmt: skip
        return iterate(
            self.network_, X, targets, rules=rules, reduction="mean", shuffle=self.shuffle,
            # Another order in every call: an epoch's is a function of the seed and its number.
            seed=self.network_.seed + self.n_iter_, epochs=epochs, kernels="fast",
            threads=self.threads, tuning=self.tuning,
            batch_size=batch_size,
            optimizer=Optimizer("sgd", self.momentum, self.nesterovs_momentum, self.alpha),
            sample_weight=self._factors(y, sample_weight), validation=None, progress=None, position=position,
        )  # fmt: skip

    def _checked(self, X, y, anew, classes=None):
        """X and y in the form that is trained on. anew: for a new network, whose shape they decide."""
        if anew:
            self.__dict__.pop("network_", None)  # if this fails, no network is left beside other classes
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], dtype=[np.float32, np.float64], multi_output=True, reset=anew,
            y_numeric=isinstance(self, RegressorMixin),
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if anew:
            self._adopt(y, classes)
        return X.tocsr() if hasattr(X, "tocsr") else X, y

    def _known(self, X):
        """X, checked, for the existing network."""
        if "network_" not in self.__dict__:  # scikit-learn asks for tags first: a tenth of the time for one row
            check_is_fitted(self, "network_")
        return validate_data(self, X, accept_sparse=["csr", "csc"], dtype=[np.float32, np.float64], reset=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class NeuroneClassifier(ClassifierMixin, _Perceptron):
    """A dense network for classes, or for several labels at once: bit for bit the same for a given `random_state`.

    Two classes have one logistic output; more classes, a softmax; several labels at once (`y` of 0 and 1, (samples,
    labels)), a logistic output each. The cost is logarithmic.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default (100,)
    activation : {"relu", "logistic", "tanh", "identity"}, default "relu"
    solver : {"sgd"}
        The only one. It is there so that `MLPClassifier(solver="sgd", ...)` needs no change but the class's name,
        unless it has parameters of other solvers.
    alpha : float, default 0
        L2 penalty. It is 0 because, like `momentum`, it makes every correction touch every weight, even those of pixels
        and words that are not in the batch.
    batch_size : int or "auto", default "auto"
        Samples in a batch, at most all. "auto" is 200 with momentum, as in `MLPClassifier`, and 20 without: each sample
        then moves the weights as far as there with its default momentum of 0.9. For sparse data, without momentum and
        penalty, it is 1, at a twentieth of the rate, which moves them as far: that is faster there and varies less.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        As there: learning_rate_init / (t + 1)^power_t after t samples, or divided by 5 whenever the training would end,
        until the rate is 1e-6 or less.
    learning_rate_init, power_t : float, default 0.1, 0.5
    max_iter : int, default 200
        Epochs.
    shuffle : bool, default True
    random_state : int, RandomState instance or None
    tol, n_iter_no_change : float, int, default 1e-4, 10
        Training ends after more than `n_iter_no_change` epochs in a row that have not improved the loss (or, with
        `early_stopping`, the validation score) by `tol`.
    verbose : bool, default False
        A line for each epoch.
    warm_start : bool, default False
        `fit` goes on from the existing weights, which must be those of a network of the same shape.
    momentum, nesterovs_momentum : float, bool, default 0, True
    early_stopping, validation_fraction : bool, float, default False, 0.1
        Hold out a part of the training set, score it after every epoch, and keep the best weights. Both parts have
        samples of every class if there are enough.
    class_weight : dict, "balanced" or None
        Factors of the classes' errors; not "balanced" in `partial_fit`, which sees only a part of the data.
    dtype : {"float32", "float64"}, default "float32"
        Width of the arithmetic.
    threads : int, default 1
        At most this many share the work of a batch, and of predictions; any number gives the same bits.
    tuning : {"background", "first", "off"}, default "background"
        When to compile kernels for this very network, as in `neurone.fit`.

    Attributes
    ----------
    network_ : Network
        What was trained: `network_.save(path)`, `network_.parameters`.
    classes_ : ndarray
    coefs_, intercepts_ : list of ndarray
        Views of the network's parameters.
    loss_curve_, validation_curve_ : list of float
        The mean cost of each epoch, taken as the samples pass, without the penalty; and the accuracy (for a regressor,
        R^2) on the validation set, if there is one.
    n_iter_, n_layers_, n_outputs_, out_activation_, loss_, best_loss_, best_validation_score_, t_
        As in `MLPClassifier`.

    Notes
    -----
    Predicting one row takes some 60 microseconds, nine tenths of which are scikit-learn's checks. If rows are known to
    be sound, `network_.predict_proba(X)` does without them, and takes 5 microseconds for float32 arrays.

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
        learning_rate="constant",
        learning_rate_init=0.1,
        power_t=0.5,
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
        tuning="background",
    ):
        # All of them once more, because scikit-learn reads the parameters' names from this signature.
        super().__init__(
            hidden_layer_sizes, activation, solver=solver, alpha=alpha, batch_size=batch_size,
            learning_rate=learning_rate, learning_rate_init=learning_rate_init, power_t=power_t, max_iter=max_iter,
            shuffle=shuffle, random_state=random_state, tol=tol, verbose=verbose, warm_start=warm_start,
            momentum=momentum, nesterovs_momentum=nesterovs_momentum, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change, dtype=dtype, threads=threads,
            tuning=tuning,
        )  # fmt: skip
        self.class_weight = class_weight

    @available_if(_trains_partly)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch. classes: all that will ever come; needed in the first call if its `y` lacks some."""
        if isinstance(self.class_weight, str):
            raise InputError(f"class_weight is {self.class_weight!r}, but partial_fit sees only a part; give a dict")
        if classes is not None:
            classes = unique_labels(classes)
            if hasattr(self, "network_") and not np.array_equal(classes, self.classes_):
                raise InputError(f"classes are {classes}, and the network was made for {self.classes_}")
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Classes (samples,), or 0 and 1 (samples, labels)."""
        return self._answers(self._known(X))

    def _answers(self, X):
        outputs = self.network_.predict_proba(X, self.threads)
        if self._several:
            return (outputs >= 0.5).astype(np.int64)
        if outputs.shape[1] == 1:
            return self.classes_[(outputs[:, 0] >= 0.5).astype(int) % len(self.classes_)]
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X):
        """Probabilities (samples, classes) or (samples, labels)."""
        X = self._known(X)
        outputs = self.network_.predict_proba(X, self.threads)
        if self._several or outputs.shape[1] > 1:
            return outputs
        if len(self.classes_) == 1:
            return np.ones_like(outputs)
        return np.hstack([1 - outputs, outputs])

    def predict_log_proba(self, X):
        """Logarithms of the probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _adopt(self, y, classes):
        check_classification_targets(y)
        self._several = type_of_target(y).startswith("multilabel")
        self.classes_ = unique_labels(y) if classes is None else classes
        self.n_outputs_ = len(self.classes_) if self._several or len(self.classes_) > 2 else 1

    def _targets(self, y):
        check_classification_targets(y)
        if type_of_target(y).startswith("multilabel") != self._several:
            raise InputError("y holds several labels a sample and did not before, or the other way round")
        if self._several:
            if y.shape[1] != self.n_outputs_:
                raise InputError(f"y holds {y.shape[1]} labels a sample, and the network has {self.n_outputs_} outputs")
            return (y.toarray() if hasattr(y, "toarray") else y).astype(np.float64)
        found = unique_labels(y)
        if not np.isin(found, self.classes_).all():
            raise InputError(f"y holds the classes {found}, and the network was made for {self.classes_}")
        return np.searchsorted(self.classes_, y.ravel())

    def _output(self):
        return ("softmax" if self.n_outputs_ > 1 and not self._several else "logistic"), "log"

    def _factors(self, y, sample_weight):
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, dict) and not self._several:
            # By class, not by sample: a part of the data may lack some classes.
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[self._targets(y)]
        else:
            factors = compute_sample_weight(self.class_weight, y)
        return factors if sample_weight is None else factors * sample_weight

    def _strata(self, y):
        """`y`, if both parts can have samples of every class; else None."""
        if self._several:
            return None
        _, counts = np.unique(y, return_counts=True)
        return y if counts.min() * min(self.validation_fraction, 1 - self.validation_fraction) >= 1 else None

    _score = staticmethod(accuracy_score)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NeuroneRegressor(RegressorMixin, _Perceptron):
    """A dense network for regression: identity outputs, and half the squared error.

    Parameters, attributes and methods are those of `NeuroneClassifier`, except `class_weight` and `classes_`. Scale
    targets and inputs to a variance near 1, or choose a smaller learning rate.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> NeuroneRegressor((20,), "tanh", random_state=1).fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.9
    True
    """

    def predict(self, X):
        """Numbers (samples,) or (samples, outputs)."""
        return self._answers(self._known(X))

    def _answers(self, X):
        outputs = self.network_.predict_proba(X, self.threads)
        return outputs[:, 0] if self._flat else outputs

    def _targets(self, y):
        targets = np.asarray(y, np.float64).reshape(len(y), -1)
        if targets.shape[1] != self.n_outputs_:
            raise InputError(f"y has shape {np.shape(y)}, and the network {self.n_outputs_} outputs")
        return targets

    def _adopt(self, y, classes):
        self._flat, self.n_outputs_ = y.ndim == 1, math.prod(y.shape[1:])

    def _output(self):
        return "identity", "half-quadratic"

    def _factors(self, y, sample_weight):
        return sample_weight

    def _strata(self, y):
        return None

    _score = staticmethod(r2_score)

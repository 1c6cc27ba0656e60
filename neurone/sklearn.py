"""Estimators for scikit-learn, to replace its `MLPClassifier` and `MLPRegressor`: the same model, sooner."""

import math
import warnings
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from neurone import options
from neurone.datasets.arrays import as_factors
from neurone.engine.optimizer import Optimizer
from neurone.errors import DivergenceError, ExtraError, InputError
from neurone.formats import converter
from neurone.network import Network
from neurone.training.fit import iterate
from neurone.training.lbfgs import minimize
from neurone.training.reports import Position
from neurone.training.rules import SCHEDULES_OF_SCIKIT_LEARN, Course, Rules, check_callback, follow

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d, compute_class_weight, compute_sample_weight
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ExtraError("scikit-learn 1.6 or later is not installed; run: pip install 'neurone[sklearn]'") from error

# MLPClassifier's words.
_LARGE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)
# Its solvers, and its batch.
_SOLVERS = ("lbfgs", "sgd", "adam")
_BATCH = 200


def _trains_partly(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit does not go with solver='lbfgs', which needs all samples at once")
    return True


def _store(estimator, parameters):
    """Keep the parameters of a constructor, given as its local variables.

    Each class lists them all: scikit-learn reads the names, and the defaults, from the signature of the class itself.
    """
    estimator.__dict__.update((name, value) for name, value in parameters.items() if name != "self")


def _fits(X, dtype):
    """Whether the largest number of X, an array or a sparse matrix, is one of `dtype` too."""
    return max(-X.min(), X.max()) <= np.finfo(dtype).max


class _Samples(NamedTuple):
    """What is trained on or scored. targets: y as the network takes it. factors: with the classes' factors, or None."""

    X: np.ndarray
    y: np.ndarray
    targets: np.ndarray
    factors: np.ndarray | None

    def part(self, chosen):
        return _Samples(*(None if array is None else array[chosen] for array in self))


class _Perceptron(BaseEstimator):
    """The common part of the two estimators. `NeuroneClassifier` describes parameters, attributes and methods."""

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, validation=None, callback=None):
        """Train for at most `max_iter` epochs, from new weights unless `warm_start`.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, features)
            Bytes are taken as numbers, as `MLPClassifier` does, where `neurone.fit` divides them by 255. CSR and CSC
            are trained on as they are.
        y : array_like
        sample_weight : array_like, optional
            (samples,), the samples' proportions: with `alpha=0` a factor common to all changes nothing. The penalty is
            divided by their sum, as in `MLPClassifier`.
        X_val, y_val : array_like, optional
            Scored after every epoch, of which "lbfgs" has none; with `early_stopping` they take the place of a part of
            the training set.
        validation : (X, y), optional
            The same, as a pair.
        callback : callable, optional
            Called with the `neurone.Report` of every epoch. An exception that it raises ends the training; what was
            trained stays.

        Returns
        -------
        self
        """
        check_callback(callback)
        if (X_val is None) != (y_val is None):
            raise InputError("only one of X_val and y_val is given; give both")
        if X_val is not None and validation is not None:
            raise InputError("X_val and validation are given; give one of them")
        if validation is not None and (not isinstance(validation, tuple | list) or len(validation) != 2):
            raise InputError("validation is no pair; give (X, y)")
        validation = validation if X_val is None else (X_val, y_val)
        if self.solver == "lbfgs" and (validation is not None or callback is not None):
            raise InputError(
                "solver is 'lbfgs', which has no epochs to score or to call back; leave out what asks for them"
            )
        begin_anew = not (self.warm_start and hasattr(self, "network_"))
        with self._restored_if_refused():
            samples = self._checked(X, y, sample_weight, begin_anew)
            if validation is not None:
                validation = self._checked(*validation, None, False, scored=True)
                if self.early_stopping and len(validation.targets) < 2:
                    raise InputError("early_stopping needs 2 validation samples or more; give X_val and y_val more")
            draws = check_random_state(self.random_state)
            self._begin(begin_anew, draws)
            best, rounds = self._position.course.best, self._position.course.rounds
            self._position = Position(course=Course(samples=self.t_, best=best, rounds=rounds))
            if self.early_stopping and validation is None and self.solver != "lbfgs":
                samples, validation = self._split(samples, draws)
        if self.solver == "lbfgs":
            return self._minimize(samples)
        return self._train(samples, draws, self.max_iter, validation, callback)

    @available_if(_trains_partly)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, continuing with the weights and the optimiser of the last call."""
        return self._partial_fit(X, y, sample_weight)

    def initialize(self, X, y):
        """Make the network for data like these, with new weights, and train nothing; `partial_fit` may follow."""
        with self._restored_if_refused():
            self._checked(X, y, None, True)
            self._begin(True, check_random_state(self.random_state))
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
        options.choice("solver", self.solver, _SOLVERS)
        width = np.dtype(options.choice("dtype", self.dtype, options.DTYPES)).type
        options.choice("learning_rate", self.learning_rate, SCHEDULES_OF_SCIKIT_LEARN)
        options.positive("learning_rate_init", self.learning_rate_init, width)
        for name in ("max_iter", "max_fun"):
            options.integer(name, getattr(self, name))
        if self.n_iter_no_change != math.inf:
            options.integer("n_iter_no_change", self.n_iter_no_change)
        for name in ("tol", "power_t"):
            options.not_negative(name, getattr(self, name))
        for name in ("shuffle", "warm_start", "early_stopping"):
            options.flag(name, getattr(self, name))
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            options.integer("batch_size", self.batch_size)
        fraction = options.not_negative("validation_fraction", self.validation_fraction)
        if fraction >= 1 or (self.early_stopping and fraction == 0):
            raise InputError(f"validation_fraction is {fraction}; give a number between 0 and 1")

    def _checked(self, X, y, sample_weight, anew, classes=None, scored=False):
        """What is trained on, or only scored, in its form. anew: for a new network, whose shape they decide."""
        self._check_options()
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], dtype=self._widths(), multi_output=True, reset=anew,
            y_numeric=isinstance(self, RegressorMixin),
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if anew:
            self._adopt(y, classes)
        elif self.warm_start and not scored:
            self._check_same_classes(y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
            sample_weight = as_factors(sample_weight, X.shape[0], np.dtype(np.float64))
        if np.dtype(self.dtype).itemsize < X.dtype.itemsize and not _fits(X, self.dtype):
            raise InputError(f"{_LARGE} (X holds numbers beyond {self.dtype}.)")
        X, targets = X.tocsr() if hasattr(X, "tocsr") else X, self._targets(y)
        return _Samples(X, y, targets, self._factors(y, targets, sample_weight))

    @contextmanager
    def _restored_if_refused(self):
        """After an error everything is as it was: what was fitted stays, and no network beside other classes."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _begin(self, anew, draws):
        """Make a network, or check that the existing one is what the parameters ask for."""
        hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object)).tolist()
        sizes = self.n_features_in_, *hidden, self.n_outputs_
        if anew:
            output, cost = self._output()
            self.network_ = Network(sizes, activation=self.activation, output=output, cost=cost, dtype=self.dtype)
            self._draw(self.network_, draws)
            self.n_iter_, self.t_, self._position, self._by_score = 0, 0, Position(), self.early_stopping
            self.loss_curve_, self.validation_scores_ = [], None
        net = self.network_
        asked, found = (sizes, self.activation, self.dtype), (net.sizes, net.activation, net.dtype.name)
        if asked != found:
            raise InputError(f"the network asked for is {asked}, but the one to go on from is {found}; fit anew")
        self.n_layers_, self.out_activation_ = len(net.sizes), net.output

    def _draw(self, network, draws):
        """Weights and biases as `MLPClassifier` draws them."""
        for layer, (n, m) in enumerate(pairwise(network.sizes)):
            bound = math.sqrt((2 if self.activation == "logistic" else 6) / (n + m))
            network.layer(layer)[1:] = draws.uniform(-bound, bound, (n, m))
            network.layer(layer)[0] = draws.uniform(-bound, bound, m)

    def _split(self, samples, draws):
        """The samples to train on, and those held out, as `MLPClassifier` draws them."""
        count = len(samples.targets)
        # Of two classes, as there; as a column, so that complaints are the same.
        strata = samples.targets.astype(bool)[:, None] if is_classifier(self) and self.n_outputs_ == 1 else None
        parts = train_test_split(
            np.arange(count), random_state=draws, test_size=self.validation_fraction, stratify=strata
        )
        if len(parts[1]) < 2:
            raise InputError(
                f"The validation set is too small: validation_fraction {self.validation_fraction} of {count} samples "
                f"holds out {len(parts[1])}, and early stopping needs 2 or more"
            )
        return map(samples.part, parts)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        if self.early_stopping:
            raise InputError("partial_fit does not support early_stopping=True; use fit")
        first = not hasattr(self, "network_")
        with self._restored_if_refused():
            samples = self._checked(X, y, sample_weight, first, classes)
            draws = check_random_state(self.random_state)
            self._begin(first, draws)
        return self._train(samples, draws, 1, None, None, partly=True)

    def _train(self, samples, draws, epochs, validation, callback, partly=False):
        """Train for at most `epochs` epochs. If a callback or Ctrl-C ends the training, what it gave is kept."""
        # Epochs are counted anew; the optimiser's memory, and the course, continue from the last call.
        last, course = self._position, self._position.course
        if self._by_score != self.early_stopping:  # a loss and a score cannot be compared
            course.best, course.rounds = math.inf, 0
        self._by_score = self.early_stopping
        position = Position(course=course)
        if last.method == self._optimizer().kind:  # else the solver was changed, and the new one begins
            position.memory, position.method, position.powers = last.memory, last.method, last.powers
        self._position, self.n_iter_, course.ended, course.parameters = position, 0, False, None
        if validation is not None and self.validation_scores_ is None:
            self.validation_scores_ = []

        def judge(report):
            self.loss_curve_.append(self._loss(report.cost) + (report.penalty or 0.0))
            if validation is not None:
                self.validation_scores_.append(self._scored(validation))
            return -self.validation_scores_[-1] if self.early_stopping else self.loss_curve_[-1]

        def record(report):
            self.n_iter_ += 1
            self.t_ = course.samples
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_curve_[-1]:.8f}")
                if validation is not None:
                    print(f"Validation score: {self.validation_scores_[-1]:.6f}")
            if callback is not None:
                callback(report)

        try:
            follow(self._epochs(samples, draws, epochs, judge, position), self.network_, position, record)
        except DivergenceError as error:
            if course.parameters is None:
                raise DivergenceError(f"{_LARGE} ({error})") from None
            # As there, the best parameters stay, which early stopping has kept.
            self.n_iter_ += 1
            self.loss_curve_.append(math.nan)
            self.validation_scores_.append(math.nan)
            course.ended = True
            warnings.warn(f"{error}; the best parameters so far are kept", ConvergenceWarning, stacklevel=3)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=3)
        finally:
            self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else math.nan
            best = None if course.best == math.inf else course.best
            self.best_loss_ = None if self.early_stopping else best
            self.best_validation_score_ = -best if self.early_stopping and best is not None else None
        if course.ended and self.verbose:
            what = "Validation score" if self.early_stopping else "Training loss"
            rounds = self.n_iter_no_change
            print(f"{what} did not improve more than tol={self.tol:f} for {rounds} consecutive epochs. Stopping.")
        elif self.n_iter_ == epochs and not partly and not course.ended:
            warnings.warn(
                f"max_iter={epochs} epochs are over, and the training has not converged yet, by tol={self.tol:g} and "
                f"n_iter_no_change={self.n_iter_no_change}",
                ConvergenceWarning, stacklevel=3,
            )  # fmt: skip
        return self

    def _epochs(self, samples, draws, epochs, judge, position):
        """The iterator that trains."""
        count, sgd = len(samples.targets), self.solver == "sgd"
        batch_size = _BATCH if isinstance(self.batch_size, str) else self.batch_size
        if batch_size > count and not isinstance(self.batch_size, str):
            warnings.warn(f"batch_size is {batch_size}, and there are {count} samples; it is clipped", stacklevel=4)
        rules = Rules(
            self.learning_rate_init, schedule=self.learning_rate if sgd else "constant", power_t=self.power_t,
            patience=self.n_iter_no_change, tol=self.tol, keep_best=self.early_stopping, judge=judge,
        )  # fmt: skip
        order, seed, optimizer = np.arange(count), 0, self._optimizer()
        if optimizer.drops or self.distortion is not None:
            # Of masks and distortions: another one in every call. `MLPClassifier` draws nothing here.
            seed = int(draws.randint(2**32, dtype=np.uint32)) + self.t_

        def order_of(epoch):
            nonlocal order
            if self.shuffle:
                # As there, of the order before. `sklearn.utils.shuffle` takes longer than an epoch of iris.
                places = np.arange(count)
                draws.shuffle(places)
                order = order[places]
            return order

        return iterate(
            self.network_, samples.X, samples.targets, rules=rules, optimizer=optimizer, epochs=epochs,
            batch_size=min(batch_size, count), reduction="mean", shuffle=False, order_of=order_of, seed=seed,
            kernels="fast", threads=self.threads, tuning=self.tuning, sample_weight=samples.factors, proportions=True,
            penalised=True, distortion=self.distortion, validation=None, progress=None, position=position,
        )  # fmt: skip

    def _optimizer(self):
        momentum = self.momentum if self.solver == "sgd" else 0.0
        return Optimizer(
            self.solver, momentum, self.nesterovs_momentum, self.alpha, self.weight_decay, self.beta_1, self.beta_2,
            self.epsilon, self.clip_norm, self.max_norm, self.input_dropout, self.dropout,
        )  # fmt: skip

    def _minimize(self, samples):
        """L-BFGS."""
        for name in ("weight_decay", "clip_norm", "max_norm", "input_dropout", "dropout", "distortion"):
            if getattr(self, name):
                raise InputError(f"{name} is {getattr(self, name)}, which goes with 'sgd' and 'adam'; lbfgs has none")
        result = minimize(
            self.network_, samples.X, samples.targets, samples.factors, alpha=self.alpha, max_iter=self.max_iter,
            max_fun=self.max_fun, tol=self.tol, threads=self.threads, loss=self._loss,
        )  # fmt: skip
        self.loss_, self.n_iter_ = result.fun, min(result.nit, self.max_iter)
        if not np.isfinite(self.network_.parameters).all():
            raise DivergenceError(_LARGE)
        if not result.success:
            warnings.warn(
                f"lbfgs has not converged after {result.nit} iterations: {result.message}; increase max_iter "
                f"({self.max_iter}) or max_fun ({self.max_fun}), or scale the data",
                ConvergenceWarning, stacklevel=3,
            )  # fmt: skip
        return self

    def _scored(self, samples):
        answers = self._answers(samples.X)
        if answers.dtype.kind == "f" and not np.isfinite(answers).all():
            return math.nan
        return self._score(samples.y, answers, sample_weight=samples.factors)

    def _loss(self, cost):
        """`MLPClassifier`'s loss, of a mean cost."""
        return cost

    def _check_same_classes(self, y):
        """Refuse y of other classes than before."""

    def _widths(self):
        """The types of numbers that are taken as they are; lists and integers become the first, the network's own."""
        return ["float64", "float32"] if self.dtype == "float64" else ["float32", "float64"]

    def _known(self, X):
        """X, checked, for the existing network."""
        if "network_" not in self.__dict__:  # scikit-learn asks for tags first: a tenth of the time for one row
            check_is_fitted(self, "network_")
        return validate_data(self, X, accept_sparse=["csr", "csc"], dtype=self._widths(), reset=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class NeuroneClassifier(ClassifierMixin, _Perceptron):
    """`MLPClassifier`'s model, two to five times as fast, and bit for bit the same for a given `random_state`.

    Two classes have one logistic output; more classes, a softmax; several labels at once (`y` of 0 and 1, (samples,
    labels)), a logistic output each. The cost is logarithmic.

    Parameters of `MLPClassifier` have its names, defaults and meanings. Initial weights, the held-out part and the
    orders of samples are drawn from `random_state` as it draws them. With `dtype="float64"`, weights, losses and
    numbers of iterations agree with its own up to rounding: to 1e-9 after ten epochs, and to 1e-6 over whole fits, as
    long as no probability is below 2e-16, where it cuts off the loss. Solver "lbfgs" finds the same optimum. In
    float32, the default, rounding leads to other weights in the end, of the same quality.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
    activation : {"relu", "logistic", "tanh", "identity"}, default "relu"
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
        "lbfgs" is SciPy's, and takes all samples at once. Adam and momentum move every weight with every batch, also
        those of inputs that are 0 in it; of sparse data, "sgd" with `momentum=0` and `alpha=0` costs only what is
        stored.
    alpha : float, default 1e-4
        L2 penalty: `alpha / 2 |w|^2`, divided by a batch's weight, in the loss too.
    batch_size : int or "auto", default "auto"
        "auto" is 200, or all samples if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Of "sgd": learning_rate_init / (t + 1)^power_t after t samples, or divided by 5 whenever the training would end,
        until the rate is 1e-6 or less.
    learning_rate_init, power_t : float, default 1e-3, 0.5
    max_iter : int, default 200
        Epochs, or iterations of "lbfgs".
    shuffle : bool, default True
    random_state : int, RandomState instance or None
    tol, n_iter_no_change : float, int, default 1e-4, 10
        Training ends after more than `n_iter_no_change` epochs in a row that have not improved the loss (or, with
        `early_stopping`, the validation score) by `tol`; "lbfgs", where no gradient is larger than `tol`.
    verbose : bool, default False
        A line for each epoch.
    warm_start : bool, default False
        `fit` goes on from the existing weights, which must be those of a network of the same shape and classes.
    momentum, nesterovs_momentum : float, bool, default 0.9, True
        Of "sgd".
    early_stopping, validation_fraction : bool, float, default False, 0.1
        Hold out a part of the training set, score it after every epoch, and keep the best weights.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        Of "adam".
    max_fun : int, default 15000
        Of "lbfgs": how often it may ask for the loss.
    class_weight : dict, "balanced" or None
        Factors of the classes' weights; not "balanced" in `partial_fit`, which sees only a part of the data.
    dtype : {"float32", "float64"}, default "float32"
        Width of the arithmetic, whatever the width of the data.
    threads : int, default 1
        At most this many share the work of a batch, and of predictions; any number gives the same bits.
    tuning : {"background", "first", "off"}, default "background"
        When to compile kernels for this very network, as in `neurone.fit`.
    weight_decay, clip_norm, max_norm, input_dropout, dropout : float, default 0.0, None, None, 0.0, 0.0
        As in `neurone.fit`; not with "lbfgs". With dropout, `loss_curve_` is that of what was trained.
    distortion : Distortion, optional
        As in `neurone.fit`, for features that are an image's pixels: `neurone.Distortion(shape=(28, 28))`. Not with
        "lbfgs".

    Attributes
    ----------
    network_ : Network
        What was trained: `network_.save(path)`, `network_.parameters`.
    classes_ : ndarray
    coefs_, intercepts_ : list of ndarray
        Views of the network's parameters.
    loss_curve_ : list of float
        The mean cost of each epoch, taken as the samples pass, with the penalty.
    validation_scores_ : list of float or None
        The accuracy (for a regressor, R^2) on the validation set after each epoch, if there is one.
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
    >>> NeuroneClassifier((10,), random_state=1, max_iter=2000).fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        class_weight=None,
        dtype="float32",
        threads=1,
        tuning="background",
        weight_decay=0.0,
        clip_norm=None,
        max_norm=None,
        input_dropout=0.0,
        dropout=0.0,
        distortion=None,
    ):
        _store(self, locals())

    @available_if(_trains_partly)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch, continuing with the weights and the optimiser of the last call.

        classes : all that will ever come, needed in the first call.
        """
        if isinstance(self.class_weight, str):
            raise InputError(f"class_weight is {self.class_weight!r}, but partial_fit sees only a part; give a dict")
        known = getattr(self, "classes_", None) if hasattr(self, "network_") else None
        if classes is not None:
            classes = unique_labels(classes)
            if known is not None and not np.array_equal(classes, known):
                raise InputError(f"classes are {classes}, and the network was made for {known}")
        elif known is None:
            raise InputError("classes are not given; the first call of partial_fit needs all that will ever come")
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Classes (samples,), or 0 and 1 (samples, labels)."""
        return self._answers(self._known(X))

    def _answers(self, X):
        outputs = self.network_.predict_proba(X, self.threads)
        if self._several:
            return (outputs > 0.5).astype(np.int64)
        if outputs.shape[1] == 1:
            return self.classes_[(outputs[:, 0] > 0.5).astype(int) % len(self.classes_)]
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
        y = y.ravel()
        targets = np.searchsorted(self.classes_, y)
        if not np.array_equal(self.classes_[np.minimum(targets, len(self.classes_) - 1)], y):
            raise InputError(f"y holds the classes {unique_labels(y)}, and the network was made for {self.classes_}")
        return targets

    def _check_same_classes(self, y):
        found = unique_labels(y)
        if not np.array_equal(found, self.classes_):
            raise InputError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {found}"
            )

    def _output(self):
        return ("softmax" if self.n_outputs_ > 1 and not self._several else "logistic"), "log"

    def _factors(self, y, targets, sample_weight):
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, dict) and not self._several:
            # By class, not by sample: a part of the data may lack some classes.
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[targets]
        else:
            factors = compute_sample_weight(self.class_weight, y)
        if not (np.isfinite(factors).all() and (factors >= 0).all() and factors.any()):
            raise InputError("class_weight gives factors that are negative, not finite or all 0; give others")
        return factors if sample_weight is None else factors * sample_weight

    _score = staticmethod(accuracy_score)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NeuroneRegressor(RegressorMixin, _Perceptron):
    """`MLPRegressor`'s model, sooner: identity outputs and half the squared error, or Poisson's deviance.

    Parameters, attributes and methods are those of `NeuroneClassifier`, except `class_weight` and `classes_`, and what
    is said there of agreement holds of `MLPRegressor`.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default "squared_error"
        With "poisson" the outputs are exponentials, and targets must not be negative. Of several targets, the loss that
        is reported is the mean of the squared errors, or the sum of the deviances, as there.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> model = NeuroneRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=1)
    >>> model.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.9
    True
    """

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dtype="float32",
        threads=1,
        tuning="background",
        weight_decay=0.0,
        clip_norm=None,
        max_norm=None,
        input_dropout=0.0,
        dropout=0.0,
        distortion=None,
    ):
        if not isinstance(loss, str):  # hidden_layer_sizes came first before `MLPRegressor` had a loss
            if isinstance(hidden_layer_sizes, str):
                activation = hidden_layer_sizes
            loss, hidden_layer_sizes = "squared_error", loss
        _store(self, locals())

    def _check_options(self):
        super()._check_options()
        options.choice("loss", self.loss, ("squared_error", "poisson"))

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
        return ("exp", "poisson") if self.loss == "poisson" else ("identity", "half-quadratic")

    def _factors(self, y, targets, sample_weight):
        return sample_weight

    def _loss(self, cost):
        """`MLPRegressor`'s: of several targets, the mean of the squared errors, but the sum of the deviances."""
        return cost if self.loss == "poisson" else cost / self.n_outputs_

    _score = staticmethod(r2_score)


with suppress(ImportError):  # without skl2onnx, or onnx
    converter.register(NeuroneClassifier, NeuroneRegressor)

"""The network of an estimator, or of a pipeline that ends with one, whose scalers go into the first layer."""

import sys

import numpy as np

from neurone.committee import Committee
from neurone.errors import InputError
from neurone.network import Network


def networks_of(model):
    """The networks whose outputs' mean is what `model` predicts: a Committee's, or the single one of `network_of`."""
    networks = model.networks if isinstance(model, Committee) else (network_of(model),)
    networks = tuple(network.calibrated() for network in networks)
    for network in networks:
        if network.preparation is not None:
            raise InputError(
                f"the network prepares its images ({network.preparation}), which files for other programs do not; "
                "prepare images before training instead, or leave it out"
            )
    return networks


def network_of(model):
    """The network that predicts what `model` does.

    Parameters
    ----------
    model : Network, NeuroneClassifier, NeuroneRegressor or sklearn.pipeline.Pipeline
        A pipeline of scalers (`StandardScaler`, `MinMaxScaler`, `MaxAbsScaler`, `RobustScaler`) and one of the two.

    Returns
    -------
    Network
        The model's own; or, of a pipeline, another, whose inputs are the pipeline's. Its first layer is computed in 64
        bits and rounded once: with inputs far from 0, or of very different sizes, its outputs are nearly those of the
        pipeline.

    Raises
    ------
    InputError
        Another model, one that is not fitted, or a step that is none of these scalers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from neurone.sklearn import NeuroneRegressor
    >>> X = np.linspace(5, 9, 50)[:, None]
    >>> model = make_pipeline(StandardScaler(), NeuroneRegressor(solver="lbfgs", random_state=0)).fit(X, X[:, 0])
    >>> bool(np.allclose(network_of(model).predict_proba(X)[:, 0], model.predict(X), rtol=1e-4))
    True
    """
    if isinstance(model, Network):
        return model
    pipelines = sys.modules.get("sklearn.pipeline")  # loaded, where there is a model of it
    if pipelines is not None and isinstance(model, pipelines.Pipeline):
        *steps, (_, last) = model.steps
        network = network_of(last)
        for name, step in reversed(steps):
            if step is not None and step != "passthrough":
                network = _behind(network, *_factor_and_shift(name, step))
        return network
    estimators = sys.modules.get("neurone.sklearn")
    if estimators is None or not isinstance(model, estimators.NeuroneClassifier | estimators.NeuroneRegressor):
        raise InputError(
            f"the model is of the class {type(model).__qualname__}; give a Network, a NeuroneClassifier or "
            "NeuroneRegressor, or a Pipeline that ends with one (and from_sklearn(model) for MLPClassifier)"
        )
    if not hasattr(model, "network_"):
        raise InputError(f"the {type(model).__qualname__} is not fitted; fit it first")
    return model.network_


def _factor_and_shift(name, step):
    """(a, b) of a fitted scaler, which makes a x + b of its inputs x: float64 (inputs,) each."""
    known = sys.modules["sklearn.preprocessing"]
    try:
        if type(step) is known.StandardScaler:
            mean = step.mean_ if step.with_mean else 0.0
            scale = step.scale_ if step.with_std else 1.0
        elif type(step) is known.RobustScaler:
            mean = step.center_ if step.with_centering else 0.0
            scale = step.scale_ if step.with_scaling else 1.0
        elif type(step) is known.MaxAbsScaler:
            mean, scale = 0.0, step.scale_
        elif type(step) is known.MinMaxScaler and not step.clip:
            scale = 1 / step.scale_
            mean = -step.min_ * scale
        else:
            raise InputError(
                f"the pipeline's step {name!r} is {step!r}, which no layer can do; give StandardScaler, MinMaxScaler "
                "without clip, MaxAbsScaler or RobustScaler, or save the last step alone"
            )
    except AttributeError:
        raise InputError(f"the pipeline's step {name!r} is not fitted; fit the pipeline first") from None
    ones = np.ones(step.n_features_in_)
    return ones / scale, ones * -mean / scale


def _behind(network, factor, shift):
    """A network that gives, for x, the outputs of `network` for factor * x + shift."""
    behind = Network(**network.settings())
    behind.parameters = network.parameters
    first = network.layer(0).astype(np.float64)
    behind.layer(0)[0] = first[0] + shift @ first[1:]
    behind.layer(0)[1:] = factor[:, None] * first[1:]
    return behind

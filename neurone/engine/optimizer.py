"""How batches are trained on and correct the parameters, as the user asked for it (specification section 8)."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from neurone import options
from neurone.errors import InputError
from neurone.kernels.arguments import Dropout, Rule

# As many hashes of 32 bits as there are.
_HASHES = 2**32


@dataclass(frozen=True)
class Optimizer:
    """`neurone.fit` describes the options of the same names; `method` is its `optimizer`.

    Attributes
    ----------
    method : str
    momentum : float
        Of sgd.
    nesterovs_momentum : bool
    alpha : float
        The penalty.
    weight_decay : float
    beta_1, beta_2, epsilon : float
        Of adam.
    clip_norm, max_norm : float or None
        Bounds on the norm of a batch's gradient, and of the weights into a neuron.
    input_dropout, dropout : float
        The share of the inputs, and of the hidden neurons, that a sample is trained without.
    """

    method: str = "sgd"
    momentum: float = 0.0
    nesterovs_momentum: bool = True
    alpha: float = 0.0
    weight_decay: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = None
    max_norm: float | None = None
    input_dropout: float = 0.0
    dropout: float = 0.0

    def check(self, dtype):
        """Raise `InputError` for what a network of this width cannot use."""
        real = dtype.type
        options.choice("optimizer", self.method, options.OPTIMIZERS)
        for name in ("momentum", "beta_1", "beta_2"):
            value = options.not_negative(name, getattr(self, name))
            if not real(value) < 1:
                raise InputError(f"{name} is {value!r}; give a number from 0 to below 1, in {dtype} too")
        if self.momentum and self.method != "sgd":
            raise InputError(f"momentum is {self.momentum}, which is for sgd; {self.method} has none, give 0")
        for name in ("alpha", "weight_decay"):
            if options.not_negative(name, getattr(self, name)):
                options.positive(name, getattr(self, name), real)
        options.positive("epsilon", self.epsilon, real)
        for name in ("clip_norm", "max_norm"):
            if getattr(self, name) is not None:
                options.positive(name, getattr(self, name), real)
        for name in ("input_dropout", "dropout"):
            rate = options.not_negative(name, getattr(self, name))
            if not _threshold(rate) < _HASHES:
                raise InputError(f"{name} is {rate!r}; give a share from 0 to below 1, of which 0 drops nothing")
        options.flag("nesterovs_momentum", self.nesterovs_momentum)

    def settings(self):
        """`neurone.fit`'s options."""
        options = asdict(self)
        return {"optimizer": options.pop("method")} | options

    @property
    def kind(self):
        """Its name among `options.KINDS`."""
        return "momentum" if self.momentum else self.method

    @property
    def kept(self):
        """The numbers that it keeps for every parameter, as they are at first."""
        return options.KINDS[self.kind][1]

    @property
    def plain(self):
        """Whether a sample's gradient alone decides its correction, and nothing is kept or dropped."""
        bounded = self.clip_norm is not None or self.max_norm is not None
        return not (self.kept or self.alpha or self.weight_decay or bounded or self.drops)

    @property
    def drops(self):
        """Whether inputs or neurons are dropped."""
        return bool(self.input_dropout or self.dropout)

    def memory(self, parameters, dtype):
        """What it keeps, at first: (numbers kept, parameters)."""
        return np.repeat(np.array(self.kept, dtype).reshape(-1, 1), parameters, axis=1)

    def rule(self, dtype, batch_size=1, total=False, proportions=False, squares=False, seed=0):
        """The kernels' structure; each call sets the rate. seed: of the masks."""
        real, betas, code = dtype.type, np.array([self.beta_1, self.beta_2]), options.KINDS[self.kind][0]
        momentum = self.beta_1 if self.method == "adam" else self.momentum
        return Rule(
            batch_size, total, proportions, squares, code, real(self.alpha), float(self.weight_decay), real(momentum),
            bool(self.nesterovs_momentum), real(self.beta_2), real(1 - self.beta_1), real(1 - self.beta_2),
            real(self.epsilon), betas, float(self.clip_norm or 0.0), float(self.max_norm or 0.0),
            _dropout(self.input_dropout, real), _dropout(self.dropout, real), np.uint64(seed), real(0), 0.0,
        )  # fmt: skip


def _threshold(rate):
    """A neuron is dropped where its hash is below this."""
    return math.floor(rate * _HASHES + 0.5)


def _dropout(rate, real):
    """The kernels' structure. Of what is kept, the scale is the reciprocal of its share, subtracted in 64 bits."""
    return Dropout(np.uint32(_threshold(rate)), real(1.0 / (1.0 - rate)), real(1.0 - rate))


PLAIN_SGD = Optimizer()

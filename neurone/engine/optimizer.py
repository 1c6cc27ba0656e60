"""How batches correct the parameters, as the user asked for it (specification section 8)."""

from dataclasses import asdict, dataclass

import numpy as np

from neurone import options
from neurone.errors import InputError
from neurone.kernels.arguments import Rule


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
    """

    method: str = "sgd"
    momentum: float = 0.0
    nesterovs_momentum: bool = True
    alpha: float = 0.0
    weight_decay: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

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
        """Whether a sample's gradient alone decides its correction, and nothing is kept."""
        return not (self.kept or self.alpha or self.weight_decay)

    def memory(self, parameters, dtype):
        """What it keeps, at first: (numbers kept, parameters)."""
        return np.repeat(np.array(self.kept, dtype).reshape(-1, 1), parameters, axis=1)

    def rule(self, dtype, batch_size, total, proportions, squares):
        """The kernels' structure; each call sets the rate."""
        real, betas, code = dtype.type, np.array([self.beta_1, self.beta_2]), options.KINDS[self.kind][0]
        momentum = self.beta_1 if self.method == "adam" else self.momentum
        return Rule(
            batch_size, total, proportions, squares, code, real(self.alpha), float(self.weight_decay), real(momentum),
            bool(self.nesterovs_momentum), real(self.beta_2), real(1 - self.beta_1), real(1 - self.beta_2),
            real(self.epsilon), betas, real(0), 0.0,
        )  # fmt: skip


PLAIN_SGD = Optimizer()

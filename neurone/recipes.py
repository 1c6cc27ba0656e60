"""Named settings for `python -m neurone.train --recipe`: the steps of the literature's ladder on MNIST, by our means.

A recipe is options of the command, by the names of their arguments; what else is on the command line overrides them.
Learning rates fall by a schedule over all epochs, so that a recipe of any number of epochs ends at a small rate.
Settings were chosen on 10,000 training images that were held out.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Attributes
    ----------
    source : str
    published : str
        The source's test error on MNIST, in percent.
    reached : str
        Ours, with all 60,000 images, the median of seeds 0 to 2 or that of seed 0 alone (docs/commands.md says which),
        and the time that it took, as far as it has been run.
    options : dict
        The options.
    """

    source: str
    published: str
    reached: str
    options: dict


_FALLING = dict(activation="relu", decay=1.0, schedule="cosine")
_ELASTIC = dict(hidden=[800], batch_size=16, learning_rate=0.2, distort=[], **_FALLING)
_DROPOUT = dict(input_dropout=0.2, dropout=0.5)

RECIPES = {
    "notes": Recipe("the notes: 784-100-10, logistic, one sample at a time; Nielsen, 2015", "1.96", "1.98", {}),
    "lecun-1998": Recipe(
        "LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE, 1998: 300 neurons, quadratic cost", "4.7",
        "1.61 in half a minute",
        dict(
            hidden=[300], output="logistic", cost="quadratic", batch_size=4, learning_rate=0.3, epochs=20, **_FALLING
        ),
    ),
    "simard-2003": Recipe(
        "Simard, Steinkraus and Platt, ICDAR 2003: 800 neurons, logarithmic cost; here with dropout", "1.6",
        "1.35 in a minute and a half",
        dict(hidden=[800], batch_size=16, learning_rate=0.1, epochs=40, **_DROPOUT, **_FALLING),
    ),
    "simard-2003-elastic": Recipe(
        "the same with elastic distortions, and affine ones", "0.7",
        "0.52 in 19 minutes of one core; 0.75 with --epochs 15, in a minute",
        dict(epochs=400, **_ELASTIC),
    ),
    "ciresan-2010": Recipe(
        "Ciresan, Meier, Gambardella and Schmidhuber, Neural Computation, 2010: five hidden layers, distortions",
        "0.35", "not run",
        _ELASTIC | dict(hidden=[2500, 2000, 1500, 1000, 500], learning_rate=0.1, epochs=100),
    ),
    "meier-2011": Recipe(
        "Meier, Ciresan, Gambardella and Schmidhuber, ICDAR 2011: 25 networks of 800 neurons", "0.39", "not run",
        _ELASTIC | dict(epochs=50, committee=25),
    ),
    "srivastava-2014": Recipe(
        "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014: dropout, bounded weights", "1.06",
        "1.09 in 82 minutes",
        dict(
            hidden=[1024, 1024, 1024], activation="relu", optimizer="adam", learning_rate=0.001, decay=1.0,
            schedule="linear", max_norm=2.0, batch_size=100, epochs=180, **_DROPOUT,
        ),
    ),
    "best": Recipe(
        "ours: two layers of 1024 neurons, distortions", "", "0.43 in 59 minutes of one core",
        _ELASTIC | dict(hidden=[1024, 1024], batch_size=32, epochs=180),
    ),
}  # fmt: skip


def table():
    """What `--recipes` prints."""
    lines = ["test errors on MNIST in percent, the source's and ours; --recipe NAME trains one"]
    for name, recipe in RECIPES.items():
        lines.append(f"{name}: {recipe.source}; {recipe.published or '-'}, here {recipe.reached}")
    return "\n".join(lines)

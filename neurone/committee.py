"""Networks that answer together, by the mean of their outputs; and what a file holds, one network or a committee."""

import json

import numpy as np

from neurone import container, options
from neurone.calibration import Known
from neurone.errors import InputError
from neurone.files import refusal
from neurone.floats import exactly
from neurone.layout import parameter_count
from neurone.network import Network


class Committee:
    """Networks that answer together, by the mean of their outputs.

    Parameters
    ----------
    networks : sequence of Network
        With the same inputs, outputs and output function; they may differ in everything else.

    Attributes
    ----------
    networks : tuple of Network
    sizes : tuple of int
        Inputs and outputs.
    classes : tuple of str or None
        Names of the classes.

    Raises
    ------
    InputError
        No network, or networks that do not go together.

    Examples
    --------
    >>> committee = Committee([Network((4, 3, 2), seed=seed) for seed in range(5)])
    >>> committee.predict(np.zeros((6, 4))).shape
    (6,)
    """

    def __init__(self, networks):
        if not isinstance(networks, list | tuple):
            raise InputError(f"networks are {options.described(networks)}; give a list of neurone.Networks")
        self.networks = tuple(networks)
        if not self.networks:
            raise InputError("networks are none; give at least one")
        for network in self.networks:
            if not isinstance(network, Network):
                raise InputError(f"networks hold {options.described(network)}; give neurone.Networks")
            if network.classes != self.networks[0].classes:
                raise InputError("networks with other names of their classes do not go together; give some of one kind")
            found, first = (
                (each.sizes[0], each.sizes[-1], each.output) for each in (network, self.networks[0])
            )  # fmt: skip
            if found != first:
                raise InputError(
                    f"networks of {found[0]} inputs and {found[1]} outputs ({found[2]}), and of {first[0]} and "
                    f"{first[1]} ({first[2]}) do not go together; give some of one kind"
                )
        self.sizes = self.networks[0].sizes[0], self.networks[0].sizes[-1]
        self.classes = self.networks[0].classes

    def __repr__(self):
        return f"Committee({list(self.networks)!r})"

    @exactly
    def predict_proba(self, images, threads=1):
        """The means of the networks' outputs, (P, outputs), of the width of the widest network.

        They are added up in the networks' order, and divided, in 64 bits. `Network.predict_proba` describes the rest.
        """
        total = 0.0
        for network in self.networks:
            total = total + network.predict_proba(images, threads).astype(np.float64)
        return (total / len(self.networks)).astype(np.result_type(*(network.dtype for network in self.networks)))

    def predict(self, images, threads=1):
        """The index of the largest mean, as `Network.predict`."""
        outputs = self.predict_proba(images, threads)
        return (outputs[:, 0] >= 0.5).astype(np.int64) if self.sizes[-1] == 1 else outputs.argmax(axis=1)

    def unlike(self, images):
        """Which images are unlike those of every network that was calibrated, as `Network.unlike`; bool (P,)."""
        known = [network.unlike(images) for network in self.networks if network.known is not None]
        return np.all(known, axis=0) if known else np.zeros(len(images), bool)

    def save(self, path):
        """Write all networks to one file, as `Network.save` does one."""
        options.path("path", path)
        if not all(np.isfinite(network.parameters).all() for network in self.networks):
            raise refusal(path, "not written, since a network's parameters hold NaN or infinity")
        arrays = {}
        for number, network in enumerate(self.networks):
            arrays |= network.arrays(f"_{number}")
        container.write(path, "committee", {"networks": [network.settings() for network in self.networks]}, arrays)


def load(path):
    """The network or committee that `save` wrote, with every setting.

    Raises
    ------
    InputError
        The file cannot be read, or is not byte for byte what `save` writes.

    Examples
    --------
    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/xor.npz"
    >>> Network((2, 3, 1), activation="tanh", output="logistic").save(file)
    >>> load(file).activation
    'tanh'
    """
    settings, arrays = container.read(options.path("path", path), "model", "committee")
    several = "networks" in settings
    try:
        each = settings["networks"] if several else [settings]
        networks = [_network(of, arrays, f"_{number}" if several else "") for number, of in enumerate(each)]
        if list(arrays) != [name for n, net in enumerate(networks) for name in net.arrays(f"_{n}" if several else "")]:
            raise InputError("other arrays than the networks ask for")
        if several and list(settings) != ["networks"]:
            raise InputError("settings that are not as a committee has them")
        return Committee(networks) if several else networks[0]
    except (TypeError, KeyError, ValueError) as error:
        raise refusal(path, f"not a network ({error}); use a file that Network.save wrote") from None


def load_network(path):
    """As `load`, of a single network."""
    network = load(path)
    if not isinstance(network, Network):
        raise refusal(path, f"a committee of {len(network.networks)}; name the file of a single network")
    return network


def _network(settings, arrays, suffix):
    parameters = arrays[f"parameters{suffix}"]
    # The count first: sizes alone could ask for any amount of memory.
    if parameters.shape != (parameter_count(settings["sizes"]),):
        raise InputError("other parameters than the sizes ask for")
    network = Network(**settings)
    if json.dumps(network.settings()) != json.dumps(settings) or network.dtype != parameters.dtype:
        raise InputError("settings that are not as a network has them")
    network.parameters = parameters
    if f"means{suffix}" in arrays:
        network.known = Known(arrays[f"means{suffix}"], arrays[f"limits{suffix}"])
        classes = max(network.sizes[-1], 2)
        shapes = network.known.means.shape, network.known.limits.shape
        if shapes != ((classes, network.sizes[0]), (classes,)):
            raise InputError("means of other classes or inputs than the network's")
    return network

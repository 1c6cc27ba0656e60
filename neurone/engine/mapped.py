"""Samples in a file that is mapped into memory: rows are read, checked and converted when they are trained on."""

import math

import numpy as np

from neurone.errors import InputError

SHOWN = 1000  # so many of the first samples tell of which form all are


class MappedRows:
    """The rows of a memory map, in the set's order; what is read is what `Network.rows_of` makes of it.

    Parameters
    ----------
    images : numpy.memmap
        uint8 or floats, (P, ...).
    network : Network

    Attributes
    ----------
    divisor : numpy scalar
    """

    def __init__(self, images, network):
        inputs = network.sizes[0]
        if images.ndim < 2 or math.prod(images.shape[1:]) != inputs:
            raise InputError(
                f"images have shape {images.shape}; the network takes (P, ...) with {inputs} pixels an image"
            )
        # Not `reshape`, which would copy a map that is not contiguous.
        self._images, self._network = images, network
        self.divisor = network.rows_of(images[:0], recognise=False)[1]

    def __len__(self):
        return len(self._images)

    def __getitem__(self, part):
        return self.read(np.arange(*part.indices(len(self))))

    def read(self, samples, epoch=0, threads=1):
        """The rows of these samples, (len(samples), inputs), uint8 or of the network's type: in any epoch the same."""
        try:
            return self._network.rows_of(np.asarray(self._images[samples]), recognise=False)[0]
        except InputError as error:
            raise InputError(f"samples {samples.min()} to {samples.max()} of the memory map: {error}") from None

    def compile(self):
        """Nothing: kernels have no part in it."""


def is_mapped(images):
    """Whether images are a memory map; what `np.asarray` makes of one no longer tells, and is read as a whole."""
    return isinstance(images, np.memmap)

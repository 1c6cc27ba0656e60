"""Trains small dense neural networks on a CPU: fast, and with the same bits every time."""

from neurone import loading

loading.begin()  # before the imports that take long

# ruff: noqa: E402
from neurone.committee import Committee, load
from neurone.engine.distortion import Distortion
from neurone.engine.preparation import Preparation
from neurone.errors import DivergenceError, ExtraError, InputError, LearningWarning, NeuroneError
from neurone.network import Network
from neurone.training.fit import fit
from neurone.training.reports import Position, Report

__version__ = "0.1.0"
__all__ = [
    "Committee", "Distortion", "DivergenceError", "ExtraError", "InputError", "LearningWarning", "Network",
    "NeuroneError", "Position", "Preparation", "Report", "fit", "load",
]  # fmt: skip

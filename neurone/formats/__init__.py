"""Networks for other programs, and from them: ONNX, C, a web page, and weights of scikit-learn and PyTorch."""

from neurone.formats.c import save_c
from neurone.formats.html import save_html
from neurone.formats.models import network_of
from neurone.formats.onnx import save_onnx
from neurone.formats.weights import from_sklearn, from_torch

__all__ = ["from_sklearn", "from_torch", "network_of", "save_c", "save_html", "save_onnx"]

"""The examples of the README and of docs/python.md run, and learn what they say they learn."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
DOCS = README.parent / "docs"


def _examples():
    return re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(), re.DOTALL)


def test_python_example(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert example == _examples()[0]
    names = {}
    exec(example, names)
    assert names["net"].predict(names["images"]).tolist() == names["labels"].tolist() == [0, 1, 1, 0]
    assert capsys.readouterr().out.endswith("[0 1 1 0]\n")


def test_example_of_formats(tmp_path, monkeypatch):
    """With a model of scikit-learn."""
    pytest.importorskip("sklearn")
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    _, _, example = _examples()
    names = {"np": np}
    exec(example, names)
    net, model, inputs = (names[name] for name in ("net", "model", "inputs"))
    assert np.abs(net.predict_proba(inputs)[:, 0] - model.predict(inputs)).max() <= 1e-5
    assert {path.name for path in tmp_path.iterdir()} == {"digits.onnx", "digits.c", "small.c"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::neurone.LearningWarning")
def test_example_of_estimators():
    pytest.importorskip("sklearn")
    _, example, _ = _examples()
    names = {}
    exec(example, names)
    inputs = np.arange(12.0).reshape(6, 2) / 12
    assert names["model"].fit(inputs, np.arange(6) // 3).predict(inputs).shape == (6,)


def test_commands_of_the_readme_exist():
    """Each `make` target and module that the README and the pages name; every link leads somewhere."""
    text = README.read_text() + "".join(page.read_text() for page in DOCS.glob("*.md"))
    targets = set(re.findall(r"(?:^    |`)make ([a-z]+)", text, re.MULTILINE))
    assert targets and targets <= set(re.findall(r"^([a-z]+):", (README.parent / "Makefile").read_text(), re.MULTILINE))
    modules = set(re.findall(r"python -m neurone\.([a-z]+)", text))
    assert modules == {"train", "evaluate", "predict", "fetch", "convert", "export", "draw", "report", "compile"}


def test_links():
    for page in [README, *DOCS.glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"

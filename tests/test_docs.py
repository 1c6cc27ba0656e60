"""The documentation is true: its examples give what they say, its commands and notebooks run, the site builds."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path.stem for path in DOCS.glob("*.md"))
NOTEBOOKS = sorted(path.stem for path in DOCS.glob("*.ipynb"))


def blocks(page, kind):
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "pycon")])
def test_examples(page, tmp_path, monkeypatch):
    """In one namespace, from the top of the page."""
    for package in ("sklearn", "onnx"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks(page, "pycon")), {}, page, f"{page}.md", 0)
    assert test.examples
    told = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append)
    assert not told, "".join(told)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")])
def test_commands(page, tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.Generator(np.random.Philox(1))
    for name in ("cat", "dog"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(20):
            image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8)).save(folder / f"{number}.png")
    lines = [line.removeprefix("$ ") for block in blocks(page, "console") for line in block.splitlines()]
    for line in lines:
        if "pip install" not in line:
            command = re.sub("^neurone", f"{sys.executable} -m neurone", line)
            environment = {name: value for name, value in os.environ.items() if name != "NEURONE_DATA"}
            done = subprocess.run(
                command, shell=True, capture_output=True, text=True, cwd=tmp_path,
                env=environment | {"BROWSER": "false", "TMPDIR": str(tmp_path)},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks(name, tmp_path):
    """Without outputs in the file, and from top to bottom."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(DOCS / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ()))


def test_the_site_builds(tmp_path):
    """Every warning is an error."""
    pytest.importorskip("sphinx")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        DOCS,
        tmp_path / "site",
        "-d",
        tmp_path / "kept",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {f"{page}.html" for page in PAGES} <= {path.name for path in (tmp_path / "site").iterdir()}
    assert "NeuroneClassifier" in (tmp_path / "site" / "reference.html").read_text()

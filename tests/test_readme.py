"""The README's Python example runs, and learns what it says it learns."""

import re
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def test_python_example(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(example, names)
    assert names["net"].predict(names["images"]).tolist() == names["labels"].tolist() == [0, 1, 1, 0]
    assert capsys.readouterr().out.endswith("[0 1 1 0]\n")


def test_commands_of_the_readme_exist():
    """Each `make` target and module that the README names."""
    text = README.read_text()
    targets = set(re.findall(r"(?:^    |`)make ([a-z]+)", text, re.MULTILINE))
    assert targets and targets <= set(re.findall(r"^([a-z]+):", (README.parent / "Makefile").read_text(), re.MULTILINE))
    modules = set(re.findall(r"python -m neurone\.([a-z]+)", text))
    assert modules == {"train", "evaluate", "predict", "fetch"}

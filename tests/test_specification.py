"""What docstrings, comments and the README cite is in docs/specification.md, and its own examples are right."""

import doctest
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SPECIFICATION = PROJECT / "docs" / "specification.md"
_SECTIONS = r"\s+[Ss]ections?\s+(\d+(?:(?:,|\s+and|\s+to)\s+\d+)*)"


def _numbers(text, what):
    """The sections that `text` cites as `what` section 3, sections 3 and 5, sections 3 to 7."""
    numbers = []
    # A citation may go on in the next line, after the mark of a comment.
    for cited in re.findall(what + _SECTIONS, re.sub(r"\n[\s#*/]*", " ", text)):
        numbers += map(int, re.findall(r"\d+", cited))
        for first, last in re.findall(r"(\d+)\s+to\s+(\d+)", cited):
            numbers += range(int(first) + 1, int(last))
    return numbers


def _cited(text):
    return _numbers(text, r"\b(?:NOTES|[Ss]pecification)")


def _headings():
    return [int(number) for number in re.findall(r"^## (\d+)\. \w", SPECIFICATION.read_text(), re.MULTILINE)]


def _sources():
    for folder in ("neurone", "tests", "benchmarks"):
        yield from (path for path in (PROJECT / folder).rglob("*") if path.suffix in (".py", ".c"))
    yield from (PROJECT / "README.md", PROJECT / "Makefile", *(PROJECT / "docs").glob("*.md"))


def test_citations_resolve():
    headings, citations = _headings(), 0
    for path in _sources():
        cited = _cited(path.read_text())
        assert set(cited) <= set(headings), f"{path.relative_to(PROJECT)} cites {cited}; the headings are {headings}"
        citations += len(cited)
    assert citations > 0


def test_headings():
    """Each number once and in order; and what the page says of its own sections."""
    headings = _headings()
    assert headings == sorted(set(headings)) and headings[:8] == list(range(1, 9))
    own = _numbers(SPECIFICATION.read_text(), "")
    assert own and set(own) <= set(headings)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("{} section 7", [7]),
        ("({} sections 3 and 5).", [3, 5]),
        ("{} sections 3 to 6", [3, 6, 4, 5]),
        ("{} sections 2, 3 and 99", [2, 3, 99]),
        ("# as {}\n    # section 7 has it, and section 8", [7]),
        ("{} of section 7", []),
    ],
)
@pytest.mark.parametrize("name", ["NOTES", "specification", "Specification"])
def test_citations_are_found(name, text, numbers):
    assert _cited(text.format(name)) == numbers


def test_examples():
    results = doctest.testfile(str(SPECIFICATION), module_relative=False)
    assert results.attempted > 0 and results.failed == 0

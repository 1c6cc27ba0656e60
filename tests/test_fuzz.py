"""Damaged files, a few thousand in the tests and many more with --torture: a sound load, or the documented error."""

import json
import subprocess
import sys
from pathlib import Path

import fuzz
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KINDS = ["idx", "gzip", "model", "checkpoint"]
PER_KIND = 30_000
SEVERAL = settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return fuzz.good_files(tmp_path_factory.mktemp("good"))


def mutated(data, content):
    """`content` with up to three runs of bytes changed, removed, inserted or repeated."""
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 8))
        other = data.draw(st.integers(0, len(content)))
        pieces = st.one_of(st.binary(max_size=8), st.just(bytes(content[other : other + 8])))
        content[place : place + length] = data.draw(pieces)
    return bytes(content)


@pytest.mark.parametrize("kind", KINDS)
def test_good_files_load(good, kind, tmp_path):
    """And the settings are sealed as they were: what the next test damages is otherwise sound."""
    for content in good[kind]:
        (tmp_path / "file").write_bytes(content)
        assert fuzz.check(kind, tmp_path / "file")
        if kind in ("model", "checkpoint"):
            assert fuzz.sealed(fuzz.unsealed(content)) == content


@SEVERAL
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(good, tmp_path, kind, data):
    (tmp_path / "file").write_bytes(mutated(data, data.draw(st.sampled_from(good[kind]))))
    fuzz.check(kind, tmp_path / "file")


@SEVERAL
@given(data=st.data())
@pytest.mark.parametrize("kind", ["model", "checkpoint"])
def test_damaged_settings_in_sound_files(good, tmp_path, kind, data):
    content = fuzz.unsealed(data.draw(st.sampled_from(good[kind])))
    (tmp_path / "file").write_bytes(fuzz.sealed(mutated(data, content)))
    fuzz.check(kind, tmp_path / "file")


@pytest.mark.parametrize("kind", KINDS)
def test_guided_by_coverage(kind, torture, tried):
    if not torture:
        pytest.skip("only with --torture")
    pytest.importorskip("atheris")
    command = [sys.executable, fuzz.__file__, kind, str(PER_KIND)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(fuzz.__file__).parent)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["inputs"] == PER_KIND and 0 < result["loaded"] < PER_KIND
    tried["fuzz inputs"] += result["inputs"]

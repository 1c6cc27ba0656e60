"""Exported C with other compilers and on other processors; --torture has all that are installed."""

import re
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from c_machines import KINDS, MACHINES, verdict
from oracle_c import have_gcc

import neurone
from neurone.formats import c_programs, save_c, save_onnx

pytestmark = pytest.mark.skipif(not have_gcc(), reason="gcc is not installed: C cannot be compiled")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: f"{machine.name} {machine.compiler}")
def test_where_the_self_test_passes_no_output_differs(tmp_path, torture, machine, kind):
    if not torture:
        pytest.skip("only with --torture")
    if machine.missing():
        pytest.skip(f"{machine.missing()} is not installed")
    told, different = verdict(machine, kind, tmp_path)
    assert told != "passes" or different == 0


def _exact(bits):
    return Fraction(float(np.uint32(bits).view(np.float32)))


def test_stored_sums_are_exact():
    """Of each, no float is nearer to the exact sum; of two as near, the even one."""
    rows = re.findall(r"\{(0x\w+)u, (0x\w+)u, (0x\w+)u, (0x\w+)u\}", c_programs.CHECK_MADD)
    assert len(rows) > 50
    for row in rows:
        a, b, s, found = (int(text, 16) for text in row)
        if 0x7F800000 in (value & 0x7F800000 for value in (a, b, s, found)):
            continue
        exact, magnitude = _exact(a) * _exact(b) + _exact(s), found & 0x7FFFFFFF
        error = abs(exact - _exact(found))
        for other in {max(magnitude - 1, 0), min(magnitude + 1, 0x7F7FFFFF)} - {magnitude}:
            distance = abs(exact - _exact(other | found & 0x80000000))
            assert error < distance or (error == distance and found % 2 == 0), row


@pytest.mark.parametrize("wrong", ["(float)((double)a * (double)b + (double)s)", "a * b + s"])
def test_the_self_test_tells_sums_rounded_twice(tmp_path, wrong):
    path = tmp_path / "net.c"
    save_c(neurone.Network((6, 5, 3)), path)
    text = path.read_text()
    path.write_text(text.replace("    return (float)t;", f"    return {wrong};"))
    subprocess.run(["gcc", "-O2", "-DNEURONE_SELFTEST", path, "-o", tmp_path / "out"], check=True)
    assert subprocess.run([tmp_path / "out"], capture_output=True).returncode == 1


def test_two_networks_in_one_program(tmp_path):
    for name, sizes in (("left", (4, 3, 2)), ("Right", (9, 5, 3))):
        save_c(
            neurone.Network(sizes),
            tmp_path / f"{name}.c",
            int8=name == "left",
            name=name,
            header=tmp_path / f"{name}.h",
        )
    (tmp_path / "main.c").write_text(
        '#include "left.h"\n#include "Right.h"\n'
        "int main(void) { uint8_t a[LEFT_INPUTS] = {0}; left_real b[LEFT_OUTPUTS]; Right_real c[RIGHT_INPUTS] = {0};\n"
        "Right_real d[RIGHT_OUTPUTS]; left_predict(a, b); Right_predict(c, d); return b[0] + d[0] < 0; }\n"
    )
    for compiler in ("gcc", "g++ -x c++"):
        command = f"{compiler} -Wall -Werror left.c Right.c main.c -o both -lm && ./both"
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", ["", "1st", "a-b", "\u00e9", "_x", 3])
def test_names_that_c_does_not_take(tmp_path, name):
    with pytest.raises(neurone.InputError, match="name is"):
        save_c(neurone.Network((2, 2)), tmp_path / "net.c", name=name)


@pytest.mark.parametrize("save", [save_c, save_onnx])
@pytest.mark.parametrize("attribute", ["activation", "output"])
def test_a_function_without_an_export_is_refused(tmp_path, save, attribute):
    net = neurone.Network((2, 2, 2))
    setattr(net, attribute, "gelu")
    with pytest.raises(neurone.InputError, match="'gelu'"):
        save(net, tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("error")
def test_int8_of_huge_weights_is_refused_without_a_warning(tmp_path):
    net = neurone.Network((3, 2, 2), activation="relu", dtype="float64")
    for first, second in ((1e308, 1e308), (1e-300, 1e300)):
        net.layer(0)[:], net.layer(1)[:] = first, second
        with pytest.raises(neurone.InputError, match="exceed float32"):
            save_c(net, tmp_path / "net.c", int8=True)

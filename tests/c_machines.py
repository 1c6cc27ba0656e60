"""Exported C with other compilers, on other processors: what the self-test says, and whether outputs differ.

    python tests/c_machines.py        prints the table of docs/exported-c.md, for what is installed here

On Debian: clang tcc musl-tools gcc-i686-linux-gnu gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-arm-linux-gnueabi
gcc-riscv64-linux-gnu gcc-powerpc64le-linux-gnu gcc-s390x-linux-gnu qemu-user gcc-mingw-w64-x86-64 wine64
gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from oracle_c import uniform

import neurone
from neurone.formats import save_c
from neurone.formats.int8 import Quantised

KINDS = ("float32", "float64", "int8")
FUNCTIONS = (("logistic", "softmax"), ("tanh", "logistic"), ("relu", "identity"))
_COST = {"softmax": "log", "logistic": "log", "identity": "quadratic"}
_IMAGES = 300


# A controller without a system: where its stack is and where it begins, with the FPU on, if it has one.
_BARE = "start.c --specs=rdimon.specs -Wl,--section-start=.vectors=0"
_BOARD = "qemu-system-arm -nographic -monitor none -serial none -semihosting-config enable=on,target=native"
_START = """
extern void _start(void);
static void start(void)
{
    *(volatile unsigned *)0xE000ED88 |= 0xF << 20;
    __asm__ volatile("dsb\\n isb");
    _start();
}
__attribute__((section(".vectors"), used)) static void *const vectors[] = {(void *)0x400000, (void *)start};
"""


@dataclass
class Machine:
    name: str
    compiler: str
    emulator: str = ""

    def missing(self):
        """The first program that is not installed, if any."""
        programs = [self.compiler.split()[0], *self.emulator.split()[:1]]
        return next((program for program in programs if shutil.which(program) is None), None)


MACHINES = (
    Machine("x86-64, glibc", "gcc -O2"),
    Machine("x86-64, glibc", "g++ -O2 -x c++"),
    Machine("x86-64, glibc", "gcc -O0"),
    Machine("x86-64 with FMA, glibc", "gcc -O3 -march=haswell"),
    Machine("x86-64, glibc", "clang -O2"),
    Machine("x86-64 with FMA, glibc", "clang -O2 -march=haswell"),
    Machine("x86-64, glibc", "tcc"),
    Machine("x86-64, musl", "musl-gcc -O2 -static"),
    Machine("i686 with SSE2, glibc", "i686-linux-gnu-gcc -O2 -msse2 -mfpmath=sse -static"),
    Machine("i686, glibc", "i686-linux-gnu-gcc -O2 -static"),
    Machine("AArch64, glibc", "aarch64-linux-gnu-gcc -O3 -static", "qemu-aarch64"),
    Machine("AArch64, glibc", "clang --target=aarch64-linux-gnu -O2 -static", "qemu-aarch64"),
    Machine("ARMv7 with VFPv3, glibc", "arm-linux-gnueabihf-gcc -O2 -static", "qemu-arm"),
    Machine("ARMv7 with VFPv4, glibc", "arm-linux-gnueabihf-gcc -O3 -mfpu=neon-vfpv4 -static", "qemu-arm"),
    Machine("ARMv5 without FPU, glibc", "arm-linux-gnueabi-gcc -O2 -static", "qemu-arm"),
    Machine("RISC-V 64, glibc", "riscv64-linux-gnu-gcc -O2 -static", "qemu-riscv64"),
    Machine("POWER8, glibc", "powerpc64le-linux-gnu-gcc -O2 -static", "qemu-ppc64le"),
    Machine("s390x (big-endian), glibc", "s390x-linux-gnu-gcc -O2 -static", "qemu-s390x"),
    Machine("s390x (big-endian), glibc", "s390x-linux-gnu-gcc -O2 -std=c99 -static", "qemu-s390x"),
    Machine("Windows x86-64, mingw-w64", "x86_64-w64-mingw32-gcc -O2", "wine"),
    Machine("Windows x86-64 with FMA, mingw-w64", "x86_64-w64-mingw32-gcc -O2 -mfma", "wine"),
    Machine("Cortex-M3, newlib", f"arm-none-eabi-gcc -O2 -mcpu=cortex-m3 {_BARE}", f"{_BOARD} -M mps2-an385 -kernel"),
    Machine(
        "Cortex-M4F, newlib",
        f"arm-none-eabi-gcc -O2 -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 {_BARE}",
        f"{_BOARD} -M mps2-an386 -kernel",
    ),
    # Options that the file does not allow.
    Machine("x86-64 with FMA, glibc", "gcc -O2 -mfma -ffp-contract=fast"),
    Machine("x86-64 with FMA, glibc", "clang -O2 -mfma -ffp-contract=fast"),
    Machine("x86-64, glibc", "gcc -O2 -ffast-math"),
    Machine("x86-64, glibc", "clang -O2 -funsafe-math-optimizations"),
)


def make(kind, activation, output):
    """A network, images and what it predicts."""
    dtype = "float64" if kind == "float64" else "float32"
    net = neurone.Network(
        (20, 12, 9, 5), activation=activation, output=output, cost=_COST[output], slope=0.8, dtype=dtype
    )
    net.parameters = uniform(1, 5, net.parameters.shape, -1, 1)
    images = np.floor(np.maximum(uniform(2, 6, (_IMAGES, 20), -256, 256), 0)).astype(np.uint8)
    images[0], images[1] = np.arange(20) % 4 + 10, 26  # what text mode would change: line ends, the end of the text
    predicted = Quantised(net).predict_proba(images) if kind == "int8" else net.predict_proba(images)
    return net, images, predicted


def verdict(machine, kind, folder):
    """(what the self-test says, how many outputs differ) over all functions; ("refused", 0) if it does not compile."""
    told, different = "passes", 0
    for activation, output in FUNCTIONS:
        net, images, predicted = make(kind, activation, output)
        source = Path(folder) / "net.c"
        (source.parent / "start.c").write_text(_START)
        save_c(net, source, int8=kind == "int8")
        if not _compiled(machine, source, "-DNEURONE_SELFTEST"):
            return "refused", 0
        told = "fails" if _run(machine, source).returncode else told
        assert _compiled(machine, source, "-DNEURONE_MAIN")
        done = _run(machine, source, images.tobytes())
        lines = [line.split()[1:] for line in done.stdout.decode().splitlines()]
        values = np.array([[float.fromhex(text) for text in line] for line in lines]).astype(predicted.dtype)
        assert values.shape == predicted.shape, done
        different += int((values != predicted).sum())
    return told, different


def _compiled(machine, source, option):
    command = [*machine.compiler.split(), option, str(source), "-o", str(_program(source)), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=source.parent)
    assert done.returncode == 0 or "#error" in done.stderr or 'error: "' in done.stderr, done.stderr
    return done.returncode == 0


def _run(machine, source, data=b""):
    command = [*machine.emulator.split(), str(_program(source))]
    variables = os.environ | {"WINEPREFIX": str(source.parent / "wine"), "WINEDEBUG": "-all"}
    return subprocess.run(command, input=data, capture_output=True, timeout=300, env=variables)


def _program(source):
    return source.with_suffix(".exe")  # wine asks for the ending


def _shown(machine):
    """The compiler's options that somebody else would give too."""
    return machine.compiler.removesuffix(_BARE).strip()


def _table():
    print("| machine, library | compiler | float32 | float64 | int8 |\n|---|---|---|---|---|")
    for machine in MACHINES[int(sys.argv[1]) if len(sys.argv) > 1 else 0 :]:
        if machine.missing():
            print(f"| {machine.name} | `{_shown(machine)}` | {machine.missing()} is not installed |||", flush=True)
            continue
        cells = []
        with tempfile.TemporaryDirectory() as folder:
            for kind in KINDS:
                told, different = verdict(machine, kind, folder)
                assert told == "fails" or not different, (machine, kind)
                words = {"passes": "same bits", "refused": "refused", "fails": f"self-test fails, {different} differ"}
                cells.append(words[told])
        print(f"| {machine.name} | `{_shown(machine)}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    _table()

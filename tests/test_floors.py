"""Imports point downwards only (the floors of the house), and never in a circle."""

import ast
import graphlib
from pathlib import Path

import neurone

ROOT = Path(neurone.__file__).parent
COMMANDS = ["train", "evaluate", "predict", "fetch", "convert", "export", "draw", "report", "compile"]
FLOORS = [
    ["constants", "errors", "floats", "layout", "loading", "options", "randomness", "system"],
    ["container", "files", "usercache"],
    ["kernels"],
    ["datasets"],
    ["engine"],
    ["network", "committee", "calibration", "answers"],
    ["training"],
    ["images", "ink", "grouping", "formats", "plots", "sklearn"],
    ["commands", "recipes", "trainings", "train_options", *COMMANDS],
    ["__main__"],
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}


def _modules():
    """From each module's name, without the package's, to those it imports."""
    modules = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: import by the full name"
                imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
        modules[name] = {name.removeprefix("neurone.") for name in imported if name.startswith("neurone.")}
    known = set(modules)
    return {name: (imported & known) - {name} for name, imported in modules.items()}


def test_every_module_has_a_floor():
    assert {name.split(".")[0] for name in _modules()} - {""} == set(FLOOR)


def test_imports_point_down():
    for name, imported in _modules().items():
        for other in imported if name else ():
            assert FLOOR[other.split(".")[0]] <= FLOOR[name.split(".")[0]], f"{name} imports {other}"


def test_no_circles():
    assert len(list(graphlib.TopologicalSorter(_modules()).static_order())) == len(_modules())


def test_optional_packages_are_imported_where_used():
    """At the top of a file they would be needed by everyone."""
    optional = {"tqdm", "PIL", "matplotlib", "sklearn", "onnx", "onnxruntime", "torch"}
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                assert not optional & {name.split(".")[0] for name in names}, path


def test_functions_of_kernels_take_few_arguments_and_fit_a_page():
    """A dozen arguments at most, and 90 lines: what belongs together is passed in a structure."""
    functions = [
        node
        for path in (ROOT / "kernels").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(functions) > 100
    for node in functions:
        arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
        assert len(arguments) <= 12 and node.end_lineno - node.lineno < 90, node.name

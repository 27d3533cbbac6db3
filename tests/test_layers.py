"""The flow is one-way: a package imports only from those on its left."""

import ast
from pathlib import Path

import pytest

import miad

ROOT = Path(miad.__file__).parent
LAYERS = ["errors", "tensors", "imaging", "measures", "watermark", "data", "models", "targets", "lesions", "vaccine"]
LAYERS += ["search", "keys", "tasks", "evaluation", "tracking", "commands", "cli"]
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path.relative_to(ROOT).parts[0] != "__init__.py"]


def layer(module):
    parts = module.split(".")
    return parts[1] if parts[0] == "miad" and len(parts) > 1 and parts[1] != "__version__" else None


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its layer"
            yield from (f"miad.{alias.name}" for alias in node.names) if node.module == "miad" else (node.module,)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_left(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__main__":
        return
    allowed = set(LAYERS[: LAYERS.index(own) + 1])
    assert {layer(module) for module in imported(path)} <= allowed | {None}


def test_networks_and_searches_know_no_lightning():
    for package in ("imaging", "measures", "watermark", "models", "targets", "lesions", "search", "keys"):
        for path in (ROOT / package).glob("*.py"):
            assert not any(module.split(".")[0] in {"lightning", "wandb"} for module in imported(path)), path


def test_there_is_no_attic():
    assert not {path.stem for path in FILES} & {"utils", "util", "helpers", "helper", "common", "misc", "tools"}

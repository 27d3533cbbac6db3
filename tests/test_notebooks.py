"""Every notebook runs from top to bottom; what it has to be true, it asserts itself."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import matplotlib as mpl
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LARGEST = 400_000
"""Bytes, pictures included."""


def code_cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, monkeypatch, tmp_path):
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    source = ["".join(cell["source"]) for cell in code_cells(path)]
    assert any(line.startswith("assert ") for code in source for line in code.splitlines())
    names = {}
    for code in source:
        exec(compile(code, str(path), "exec"), names)
    mpl.pyplot.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_outputs_are_small_and_show_that_it_ran(path):
    assert path.stat().st_size < LARGEST
    cells = code_cells(path)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert all(cell["execution_count"] for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_names_no_folder_of_who_ran_it(path):
    assert not re.search(r"/(home|root|Users)/", path.read_text(encoding="utf-8"))


def imports(path):
    for node in ast.walk(ast.parse("\n".join("".join(cell["source"]) for cell in code_cells(path)))):
        if isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"from {node.module} import {', '.join(alias.name for alias in node.names)}"


def extras():
    """The modules that extras bring and miad alone does not."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    options = [name for group in project["optional-dependencies"].values() for name in group]
    names = {re.match(r"[\w-]+", option)[0].lower() for option in options} - {"miad"}
    return sorted(module for module, owners in packages_distributions().items() if {o.lower() for o in owners} & names)


def test_no_notebook_needs_an_extra():
    assert "wandb_workspaces" in extras()
    lines = sorted({line for path in NOTEBOOKS for line in imports(path)})
    assert any(line.startswith("from miad.commands") for line in lines)
    hidden = f"import sys; sys.modules.update(dict.fromkeys({extras()!r}))"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([hidden, *lines])], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_first_what_it_needs(path):
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    assert "It needs miad (`pip install -e .` in the checkout), none of its extras" in "".join(first["source"])

"""The readers of strangers' files stand half a minute of fuzzing each; longer runs are started by hand."""

import importlib.util
import re
import subprocess
import sys

import pytest

NAMES = ["record", "grant", "key", "identity", "remainder", "delta", "rendering"]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_one_line_comes_of_any_data(tmp_path, name):
    words = [sys.executable, "-m", "tests.fuzz.readers", name, str(tmp_path), "-max_total_time=30", "-timeout=20"]
    done = subprocess.run([*words, f"-artifact_prefix={tmp_path}/"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    runs = re.search(r"Done ([0-9]+) runs", done.stderr)
    assert runs, done.stderr[-500:]
    assert int(runs[1]) > 100
    print(f"{name}: {runs[1]} runs")  # noqa: T201  (shown by -s)

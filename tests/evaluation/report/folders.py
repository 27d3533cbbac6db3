"""Folders as runs leave them, written by hand."""

import csv

import yaml

ATTACK = {
    "data": {"class_path": "miad.data.Phantom", "init_args": {"kind": "brain", "size": 48, "seed": 2023, "workers": 0}},
    "sources": "zoo/one",
    "run": {"name": "a", "root": "runs", "seed": 2023},
    "search": {"class_path": "miad.search.RandomSearch", "init_args": {"draws": 1}},
    "split": "test",
    "ensemble": False,
    "budget": None,
    "inputs": {"images": "ab" * 32, "weights": {"one": "cd" * 32}},
}
MEASURES = {
    "images": 20.0,
    "success_rate": 0.25,
    "queries_mean": 9.5,
    "ssim": 0.91,
    "psnr": 21.25,
    "accuracy_before/one": 1.0,
    "accuracy_after/one": 0.75,
}
FIT = {
    "data": {"class_path": "miad.data.Table", "init_args": {"csv": "labels.csv", "size": None}},
    "model": {"backbone": "resnet18", "size": 32},
    "run": {"name": "f", "root": "runs", "seed": 1},
    "epochs": 3,
    "inputs": {"train": "01" * 32, "val": "23" * 32},
}
TEST = {"data": ATTACK["data"], "checkpoint": "runs/f", "run": {"name": "t", "seed": 1}, "inputs": {}}


def write_rows(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def make_run(folder, config=None, measures=None, files=()):
    """A run's folder; what is None is left out."""
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    if measures is not None:
        rows = [(name, repr(value)) for name, value in measures.items()]
        write_rows(folder / "metrics.csv", ("measure", "value"), rows)
    for name in files:
        write_rows(folder / name, ("image", "label"), [("1", "0")])
    return folder


def changed(tree, **leaves):
    """A copy of a configuration with some leaves changed, by dotted names with __ for dots."""
    copy = yaml.safe_load(yaml.safe_dump(tree))
    for name, value in leaves.items():
        *path, last = name.split("__")
        node = copy
        for part in path:
            node = node[part]
        node[last] = value
    return copy


def table_of(report, name):
    return next(table for table in report.tables if table.name == name)


def row_of(report, table, measure, of=None):
    """A row's entries by their columns, and those that are marked."""
    own = table_of(report, table)
    names = [column.name for column in own.columns]
    for index, row in enumerate(own.rows):
        entries = dict(zip(names, row, strict=True))
        if row[0] == measure and (of is None or entries["of"] == of):
            return entries, {names[column]: mark for (line, column), mark in own.marks.items() if line == index}
    raise AssertionError(f"{measure} is not in {[row[0] for row in own.rows]}")

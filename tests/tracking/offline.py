"""Reads offline W&B runs back without W&B's own reader."""

import csv
import json
import math
import struct
import time

from wandb.proto.wandb_internal_pb2 import Record

_PATIENCE = 60


def read_records(path):
    """Records of a .wandb file: LevelDB's log format in blocks of 32 KiB, after W&B's header of seven bytes."""
    data, position, parts = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while position + 7 <= len(data):
        left = -position % 32768
        if left < 7:  # no room for a header: the rest of the block is padding
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        if kind == 0:
            position += left or 32768
            continue
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # full, last
            yield Record.FromString(parts)
            parts = b""


def offline_file(run):
    """The one .wandb file of a run's folder."""
    (path,) = run.glob("wandb/offline-run-*/*.wandb")
    return path


def ended_records(run):
    """All records of a run that ended; W&B's process writes the last ones after 'finish' has returned."""
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        records = list(read_records(offline_file(run)))
        if records and records[-1].WhichOneof("record_type") == "exit":
            return records
        time.sleep(0.05)
    raise AssertionError(f"{run}: no end after {_PATIENCE} seconds")


def key_of(item):
    return item.key or "/".join(item.nested_key)


def history(records):
    """The last value of everything logged, decoded, by name."""
    found = {}
    for record in records:
        found |= {key_of(item): json.loads(item.value_json) for item in record.history.item}
    return found


def config(records):
    """The configuration, decoded, by name."""
    found = {}
    for record in records:
        for part in (record.run.config, record.config):
            found |= {key_of(item): json.loads(item.value_json) for item in part.update}
    return found


def started(records):
    """The record of the run itself: name, group, type of job, tags."""
    return next(record.run for record in records if record.WhichOneof("record_type") == "run")


def measures(run):
    with (run / "metrics.csv").open(newline="") as file:
        return {row["measure"]: float(row["value"]) for row in csv.DictReader(file)}


def same(one, other):
    """W&B writes what is no number as a word."""
    one, other = float(one), float(other)
    return one == other or (math.isnan(one) and math.isnan(other))

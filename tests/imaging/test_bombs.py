"""Small files that claim or unpack to far more: one line, and no more memory than a large image takes."""

import json
import struct
import subprocess
import sys
import zlib

import pytest

READ = """
import json, resource, sys
from pathlib import Path
from miad.errors import InputError
from miad.imaging import image_size, read_image, read_mask
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for name in sys.argv[1:]:
    before, said = peak(), []
    for read in (read_image, read_mask, image_size):
        try:
            read(Path(name))
            said.append("read")
        except InputError as error:
            said.append(str(error))
    print(json.dumps([said, peak() - before]))
"""


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def packed_zeros(count):
    stream, step = zlib.compressobj(9), 1 << 24
    return b"".join(stream.compress(bytes(min(step, count - at))) for at in range(0, count, step)) + stream.flush()


def png(side, data, colour=0, extra=b""):
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_text(name, before, size=1 << 28, count=1):
    return png(48, packed_zeros(48 * 49), extra=chunk(name, before + packed_zeros(size)) * count)


BOMBS = {
    "claims far too much": lambda: png(60000, packed_zeros(100)),
    "claims too much": lambda: png(13000, packed_zeros(100), 2),
    "is as large as it claims": lambda: png(10000, packed_zeros(10000 * 30001), 2),
    "compressed text": lambda: with_text(b"zTXt", b"k\0\0"),
    "compressed international text": lambda: with_text(b"iTXt", b"k\0\1\0\0\0"),
    "colour profile": lambda: with_text(b"iCCP", b"k\0\0"),
    "holds more than it claims": lambda: png(48, packed_zeros(1 << 28)),
    "many texts": lambda: with_text(b"zTXt", b"k\0\0", (1 << 20) - 100, 500),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What three readers say of each file, in a process of its own, and the MiB that they took."""
    folder = tmp_path_factory.mktemp("bombs")
    paths = [folder / f"{kind}.png" for kind in BOMBS]
    for path, make in zip(paths, BOMBS.values(), strict=True):
        path.write_bytes(make())
        assert path.stat().st_size < 2_000_000
    words = [sys.executable, "-c", READ, *map(str, paths)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return {kind: (path, *json.loads(line)) for kind, path, line in zip(BOMBS, paths, lines, strict=True)}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_one_line_and_takes_no_memory(results, kind):
    path, said, peak = results[kind]
    assert len(said) == 3
    if kind == "holds more than it claims":
        assert said == ["read"] * 3
    else:
        assert all(line.startswith(f"{path}: ") and "\n" not in line for line in said)
    assert peak < 100

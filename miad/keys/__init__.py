"""Keys: what undoing needs and no more, and the way back to the original, bit for bit."""

from miad.keys.file import Key, read_key, rendering_digest, write_key
from miad.keys.record import Record, make_record, restore
from miad.keys.recovery import Recovery, recover_folder
from miad.keys.remainder import pack, unpack

__all__ = [
    "Key",
    "Record",
    "Recovery",
    "make_record",
    "pack",
    "read_key",
    "recover_folder",
    "rendering_digest",
    "restore",
    "unpack",
    "write_key",
]

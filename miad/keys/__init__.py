"""Keys: what undoing needs and no more, encrypted, and the way back to the original, bit for bit."""

from miad.keys.delta import pack_delta, shared_delta, subtract_delta
from miad.keys.form import Form
from miad.keys.grant import Grant, check_last_day, make_grant, read_grant, write_grant
from miad.keys.issuer import Issuer, read_issuer, read_signer, write_identity, write_issuer, write_signer
from miad.keys.key import Key, is_encrypted, open_key, own_identity, read_manifest_of
from miad.keys.keyring import read_keyring
from miad.keys.manifest import WHOLE, Manifest, Part
from miad.keys.ownership import open_issuer
from miad.keys.parts import add_part, identity_of
from miad.keys.passphrase import Passphrase
from miad.keys.pattern import Blocks, Pattern, Seeded, Shared, delta_of, picture_of
from miad.keys.record import Record, make_record, restore, unblend
from miad.keys.recovery import Recovery, recover_folder, restored
from miad.keys.remainder import unpack
from miad.keys.rendering import rendering_digest
from miad.keys.sealing import Identity
from miad.keys.secret_file import check_new, read_small, write_secret
from miad.keys.user import User, read_users
from miad.keys.verification import check_records, check_sealed
from miad.keys.writing import SealedRecord, seal_record, write_key

__all__ = [
    "WHOLE",
    "Blocks",
    "Form",
    "Grant",
    "Identity",
    "Issuer",
    "Key",
    "Manifest",
    "Part",
    "Passphrase",
    "Pattern",
    "Record",
    "Recovery",
    "SealedRecord",
    "Seeded",
    "Shared",
    "User",
    "add_part",
    "check_last_day",
    "check_new",
    "check_records",
    "check_sealed",
    "delta_of",
    "identity_of",
    "is_encrypted",
    "make_grant",
    "make_record",
    "open_issuer",
    "open_key",
    "own_identity",
    "pack_delta",
    "picture_of",
    "read_grant",
    "read_issuer",
    "read_keyring",
    "read_manifest_of",
    "read_signer",
    "read_small",
    "read_users",
    "recover_folder",
    "rendering_digest",
    "restore",
    "restored",
    "seal_record",
    "shared_delta",
    "subtract_delta",
    "unblend",
    "unpack",
    "write_grant",
    "write_identity",
    "write_issuer",
    "write_key",
    "write_secret",
    "write_signer",
]

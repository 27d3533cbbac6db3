"""Coverage-guided fuzzing of what reads strangers' files, by atheris (libFuzzer).

    python -m tests.fuzz.readers NAME FOLDER -max_total_time=60

NAME is one of READERS, FOLDER keeps what was found interesting; seeds are put there first. A reader ends with what it
promises, or with one line of a kind that users see; whatever else it does stops the fuzzing.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["miad.keys"]):
    from miad.keys import Grant, Identity, Issuer, Record, User, make_grant, open_key, read_keyring, read_users, unpack
    from miad.keys import file as key_file
    from miad.keys import grant as grant_file
    from miad.keys.delta import pack_delta, subtract_delta
    from miad.keys.remainder import pack
    from miad.keys.rendering import pack_rendering, unpack_rendering

import numpy as np

from miad.errors import MiadError
from tests.keys.samples import a_key, a_rendering, marked_image, marked_images

IDENTITY, ISSUER, IMAGES = Identity.generate(), Issuer.generate(), marked_images(3)
COUNTS = np.random.default_rng(0).integers(1, 257, 300)
SCRATCH = Path(tempfile.mkdtemp(prefix="miad-fuzz-"))


def quietly(read, data):
    """A refusal is as good as an answer, if it is one line."""
    try:
        read(data)
    except MiadError as error:
        if "\n" in str(error):
            raise AssertionError("several lines") from error


def read_record(data):
    record = Record.from_bytes(data)
    assert Record.from_bytes(record.to_bytes()) == record


def read_grant(data):
    grant = Grant.from_bytes(data)
    grant.check_date()
    grant.open(IDENTITY)


def read_key(data):
    path = SCRATCH / "fuzz.miadkey"
    path.write_bytes(data)
    with open_key(path, ISSUER.identity) as key:
        for original, marked, _ in IMAGES:
            assert np.array_equal(key.restore(marked), original)


def read_identity(data):
    path = SCRATCH / "fuzz.identity"
    path.write_bytes(data)
    for read in (read_keyring, lambda path: read_users(str(path))):
        quietly(read, path)


def read_remainder(data):
    places = unpack(data, COUNTS)
    assert ((places >= 0) & (places < COUNTS)).all()


def read_delta(data):
    host = IMAGES[0][1]
    assert subtract_delta(host, data).shape == host.shape


def seeds():
    """Sound data of each kind."""
    a_key(SCRATCH / "sound.miadkey", IMAGES, ISSUER)
    generator = np.random.default_rng(1)
    places = generator.integers(0, COUNTS)
    original = IMAGES[0][0]
    grant = make_grant(ISSUER, {"all": ISSUER.identity}, [User("alice", IDENTITY.recipient)])
    return {
        "record": [marked_image(index, delta=index % 2 == 0)[2].to_bytes() for index in range(4)],
        "grant": [grant.to_bytes()],
        "key": [(SCRATCH / "sound.miadkey").read_bytes()],
        "identity": [IDENTITY.reveal().encode(), ISSUER.pem().encode()],
        "remainder": [pack(places, COUNTS), pack(np.zeros_like(places), COUNTS)],
        "delta": [pack_delta(original, original + generator.integers(0, 9, original.shape).astype(np.uint8))],
        "rendering": [pack_rendering(a_rendering(0))],
    }


READERS = {
    "record": read_record,
    "grant": read_grant,
    "key": read_key,
    "identity": read_identity,
    "remainder": read_remainder,
    "delta": read_delta,
    "rendering": unpack_rendering,
}


def main(name, folder, *options):
    """Fuzz one reader."""
    # Without this nothing would come past the signature.
    key_file.is_signed = grant_file.is_signed = lambda *_: True
    for number, seed in enumerate(seeds()[name]):
        (Path(folder) / f"seed{number}").write_bytes(seed)

    atheris.Setup([sys.argv[0], folder, *options], lambda data: quietly(READERS[name], data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

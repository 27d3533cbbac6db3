"""What a key file says openly, and what its issuer signs.

A key is divided into parts. The part ``all`` holds every record; further parts hold some, and may overlap. Each part
has an age identity of its own, and a record is one age file sealed to the identities of all parts that hold it: who has
one part's identity opens that part's records and no others. The identity of ``all`` is with the issuer and in grants,
never in the key. Those of the other parts lie in the key, each sealed to the identity of ``all``, which opens their
records anyway; so the issuer keeps one secret, however many parts there are. Renderings of the logo are sealed to every
part.

A new part for a new list of images is made at any time by sealing those records once more; the other records, and the
grants that were made before, stay as they are. No record ever leaves a part: who could open it before has it already.

Open to everybody are the number of records, the digests of the marked pixels, which are published with them, the names
of the parts and which images they hold. Ids, file names, places and digests of the originals are sealed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

WHOLE = "all"
"""The part that holds every record."""


@dataclass(frozen=True)
class Part:
    """One part of a key.

    Args:
        recipient: of its identity.
        identity: its identity, sealed to that of the whole; empty for the whole itself.
        members: digests of the marked pixels of its images; empty for the whole, which holds all.
    """

    recipient: str
    identity: bytes = b""
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Manifest:
    """A key file without what is sealed in it.

    Args:
        issuer: public key of the signature, hex.
        parts: by name.
        records: sha256 of each sealed record, by the digest (hex) of its marked pixels.
        renderings: sha256 of each sealed rendering, by its digest (hex).
        signature: of the issuer, hex.
    """

    issuer: str
    parts: Mapping[str, Part]
    records: Mapping[str, bytes] = field(repr=False)
    renderings: Mapping[str, bytes] = field(repr=False)
    signature: str = ""

    @property
    def recipient(self) -> str:
        """Of the whole; it names the key."""
        return self.parts[WHOLE].recipient

    def members(self, part: str) -> frozenset[str]:
        """Digests of a part's marked images."""
        return frozenset(self.records) if part == WHOLE else self.parts[part].members

    def recipients(self, marked: str) -> list[str]:
        """Of the parts that hold an image, the whole first."""
        return [self.recipient] + [
            part.recipient for name, part in sorted(self.parts.items()) if name != WHOLE and marked in part.members
        ]

    def to_sign(self, version: int) -> bytes:
        """What is signed: a digest of a listing that no other manifest has."""
        listing = hashlib.sha256()
        for row in self._rows(version):
            listing.update(json.dumps(row).encode() + b"\n")
        return b"miad key\n" + listing.digest()

    def _rows(self, version: int) -> Iterable[list[str]]:
        yield ["key", str(version), self.issuer]
        for name, part in sorted(self.parts.items()):
            yield ["part", name, part.recipient, hashlib.sha256(part.identity).hexdigest()]
            yield from (["member", name, marked] for marked in sorted(part.members))
        yield from (["rendering", digest, sha256.hex()] for digest, sha256 in sorted(self.renderings.items()))
        yield from (["record", marked, sha256.hex()] for marked, sha256 in sorted(self.records.items()))

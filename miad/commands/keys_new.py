"""``miad keys new``: an identity for someone who is to restore images."""

import sys
from pathlib import Path

from miad.commands.passphrase import new_passphrase
from miad.errors import InputError
from miad.imaging import atomic_path
from miad.keys import Identity, check_new, write_identity


def new(out: Path, passphrase: bool = False, passphrase_file: Path | None = None) -> Path:
    """Make an identity for a user.

    Writes OUT, a private key that only you can read, and beside it the public key OUT.pub. Send the public key to who
    issues grants, and never the private one to anyone. An identity of age-keygen or an ssh key (ed25519, RSA) does as
    well.

    Args:
        out: the private key, for example alice.key; an existing file is never replaced.
        passphrase: encrypt the private key by a passphrase, asked for on the terminal.
        passphrase_file: take the passphrase from a file's first line instead.

    Returns:
        The path of the public key.
    """
    if not out.name:
        raise InputError(f"expected --out with the name of a file, found {str(out)!r}; give another, such as alice.key")
    check_new(out)
    public = out.with_suffix(".pub")
    if public == out or public.exists():
        found = "the name of a public key" if public == out else "one"
        raise InputError(f"{public}: expected no such file yet, found {found}; give another --out, such as alice.key")
    identity = Identity.generate()
    given = passphrase or passphrase_file is not None
    write_identity(out, identity, new_passphrase(passphrase_file, str(out)) if given else None)
    with atomic_path(public) as draft:
        draft.write_text(f"{identity.recipient}\n", encoding="utf-8")
    sys.stdout.write(f"{out}: private key, keep it\n{public}: public key, give it to who issues grants\n")
    return public

"""``python -m miad`` is ``miad``."""

from miad.cli import main

main()

"""The embedded data set: drawn in memory from a seed, so that everything runs without a file of anybody."""

from miad.data.phantom.module import Phantom

__all__ = ["Phantom"]

"""miad: visible logos that people read past and diagnostic classifiers do not."""

__version__ = "0.1.0"

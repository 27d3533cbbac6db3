"""LightningModules; each is glue between a network, a loss or a search, and the Trainer."""

from miad.tasks.classifier import ClassifierTask

__all__ = ["ClassifierTask"]

"""Published state dicts of random weights; their names and shapes are facts of the published checkpoints."""

from pathlib import Path

import torch

KEYS = Path(__file__).parent / "public_keys"


def published(name, scale=0.05):
    """A state dict whose random weights keep activations in range."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for line in (KEYS / f"{name}.tsv").read_text().splitlines():
        key, shape, _ = line.split("\t")
        size = () if shape == "scalar" else tuple(map(int, shape.split("x")))
        if not size:
            state[key] = torch.tensor(7)
        elif key.endswith("running_var"):
            state[key] = 0.5 + torch.rand(size, generator=generator)
        else:
            state[key] = scale * torch.randn(size, generator=generator)
            if len(size) == 1 and key.endswith("weight"):
                state[key] += 1
    return state

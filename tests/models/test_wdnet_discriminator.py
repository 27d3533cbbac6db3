"""WDNet's discriminator against a functional reading of its description, and pinned counts."""

import torch
from torch.nn.functional import batch_norm, conv2d, leaky_relu

from miad.models.removers.discriminator import Discriminator

from .published import published


def test_the_discriminator_has_the_published_counts_and_shapes():
    network, state = Discriminator(), published("wdnet_D")
    assert sum(parameter.numel() for parameter in network.parameters()) == 378_433
    assert len(network.state_dict()) == len(state) == 23
    assert sum(buffer.numel() for buffer in network.buffers()) == 899
    assert [part.shape for part in network.state_dict().values()] == [part.shape for part in state.values()]
    assert [key.split(".")[-1] for key in network.state_dict()] == [key.split(".")[-1] for key in state]


def test_the_discriminator_answers_what_the_description_says():
    network, state = Discriminator().eval(), published("wdnet_D")
    network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    marked, candidate = torch.rand(2, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0))

    def layer(number, y, **options):
        return conv2d(y, state[f"conv.{number}.weight"], state[f"conv.{number}.bias"], **options)

    y = torch.cat([marked, candidate], 1)
    for number, options in ((0, {"stride": 2, "padding": 2}), (3, {"stride": 2, "padding": 1}), (6, {"padding": 1})):
        parts = ("running_mean", "running_var", "weight", "bias")
        y = batch_norm(layer(number, y, **options), *(state[f"conv.{number + 1}.{part}"] for part in parts))
        y = leaky_relu(y, 0.2)
    with torch.no_grad():
        found = network(marked, candidate)
    assert found.shape == (1, 1, 65, 65)
    assert found.std() > 0.01
    torch.testing.assert_close(found, layer(9, y, padding=1), atol=1e-4, rtol=1e-4)

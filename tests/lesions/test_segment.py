"""Tiles must not show: a network that looks at single pixels answers the same with tiles and without."""

import pytest
import torch
from torch import nn

from miad.imaging import resize
from miad.lesions import segment
from miad.models import Segmenter


def images_of(shape, count=2):
    return torch.randint(0, 256, (count, 3, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def a_segmenter(size, tile, unet=None):
    torch.manual_seed(0)
    network = Segmenter("tu-test_resnet", ("a", "b"), size, tile, width=16)
    network.unet = unet or nn.Conv2d(3, 2, 1)
    return network


@pytest.mark.parametrize("shape", [(96, 96), (96, 70), (33, 96), (5, 96), (64, 64)])
def test_a_pointwise_network_does_not_notice_its_tiles(shape):
    images, longer = images_of(shape), max(shape)
    network = a_segmenter(longer, 32)
    with torch.no_grad():
        whole = network.unet((images.float() - network.mean) / network.std).sigmoid()
    torch.testing.assert_close(segment(network, images), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_changes_nothing(batch_size):
    unet = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 3, padding=1)).double()
    network = a_segmenter(80, 32, _Doubled(unet))
    expected = segment(network, images_of((80, 50), 3), 8)
    torch.testing.assert_close(segment(network, images_of((80, 50), 3), batch_size), expected, atol=1e-6, rtol=0)


class _Doubled(nn.Module):
    """In double precision, so that a batch's size can not tip a digit."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, pixels):
        return self.inner(pixels.double())


@pytest.mark.parametrize(("shape", "scaled"), [((40, 60), (64, 96)), ((90, 180), (48, 96)), ((192, 3), (96, 2))])
def test_images_are_read_at_the_scale_of_the_training_and_answered_at_their_own(shape, scaled):
    images, network = images_of(shape), a_segmenter(96, 32)
    answer = segment(network, images)
    with torch.no_grad():
        read = resize(images, scaled)
        expected = resize(network.unet((read.float() - network.mean) / network.std).sigmoid(), shape)
    assert answer.shape == (2, 2, *shape)
    assert answer.dtype == torch.float32
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=0)


def test_every_tile_has_the_tiles_size_and_neighbours_overlap_by_a_quarter():
    seen = []

    class Watch(nn.Module):
        def forward(self, pixels):
            seen.append(pixels.shape)
            return pixels[:, :2]

    segment(a_segmenter(100, 32, Watch()), images_of((100, 32), 1), 1)
    assert set(seen) == {(1, 3, 32, 32)}
    assert len(seen) == 4  # 32 + 3 * 24 = 104: the fewest that overlap by 8


def test_a_tile_counts_most_where_it_sees_most_around_a_pixel():
    class Bright(nn.Module):
        """Sure of its middle column only."""

        def forward(self, pixels):
            out = torch.full_like(pixels[:, :2], -20)
            out[..., 12:20] = 20
            return out

    answer = segment(a_segmenter(56, 32, Bright()), images_of((32, 56), 1))[0, 0, 0]  # tiles begin at 0 and at 24
    assert (answer[12:20] > 0.99).all()
    assert (answer[36:44] > 0.99).all()
    assert (answer[24:32] < 0.01).all()


def test_smooth_weights_leave_no_seam():
    class Own(nn.Module):
        """Every tile has an opinion of its own."""

        def forward(self, pixels):
            level = torch.arange(len(pixels)).float().view(-1, 1, 1, 1)
            return level.expand(-1, 2, *pixels.shape[-2:])

    answer = segment(a_segmenter(56, 32, Own()), images_of((32, 56), 1), 8)[0, 0, 0]
    assert (float(answer[0]), float(answer[-1])) == pytest.approx((0.5, torch.tensor(1.0).sigmoid().item()))
    steps = answer.diff()
    assert (steps >= -1e-6).all()
    assert steps.max() < 0.3 * (answer[-1] - answer[0])


def test_it_evaluates_whatever_mode_the_network_was_left_in_and_restores_it():
    network = Segmenter("tu-test_resnet", ("a",), 32, width=16).train()
    network.unet.encoder.eval()
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    trained = segment(network, images_of((32, 32)))
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in state.items())  # no running mean moved
    assert torch.equal(trained, segment(network.eval(), images_of((32, 32))))
    assert not trained.requires_grad


def test_an_unsure_and_a_sure_network_stay_in_range():
    class Sure(nn.Module):
        def forward(self, pixels):
            return 100 * pixels[:, :2]

    answer = segment(a_segmenter(64, 32, Sure()), images_of((100, 77)))
    assert answer.min() >= 0
    assert answer.max() <= 1

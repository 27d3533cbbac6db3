"""Removers whose best delta is known, or easy to know."""

import torch
from torch import nn

from miad.models.removers import Removal, Remover
from miad.vaccine import VaccineOptions


class Toy(Remover):
    """Two functions of the marked images: what is made of them, and the mask; one value depends on one pixel only."""

    encoder = decoder = ()
    stride = smallest = 1

    def __init__(self, image, mask=lambda seen: torch.ones_like(seen[:, :1])):
        super().__init__(base_channels=1)
        self.image, self.mask = image, mask
        self.eval()

    def remove(self, images):
        return Removal(self.image(images), self.mask(images))


class Small(Remover):
    """Two seeded convolutions, of which one makes an image and one a mask, composed as WDNet and SplitNet do."""

    encoder, decoder = ("made",), ("seen",)
    stride = smallest = 1

    def __init__(self, seed=0, bias=0.0):
        super().__init__(base_channels=1)
        torch.manual_seed(seed)
        self.made, self.seen = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 1, 3, padding=1)
        nn.init.constant_(self.seen.bias, bias)
        self.norm = nn.BatchNorm2d(3)
        self.eval()

    def remove(self, images):
        made, mask = self.norm(self.made(images)).sigmoid(), (8 * self.seen(images)).sigmoid()
        return Removal(made * mask + (1 - mask) * images, mask)


def nothing(seen):
    """An empty mask."""
    return torch.zeros_like(seen[:, :1])


def draw_images(count=4, shape=(6, 7), low=0, high=256, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (count, 3, *shape), dtype=torch.uint8, generator=generator)


def make_generators(numbers):
    return [torch.Generator().manual_seed(100 + number) for number in numbers]


def free(kind="delta_d", *args, **options):
    """Options of the papers' family: every value is its own, and clipped."""
    return VaccineOptions(kind, *args, **({"family": "free", "saturation": "clip"} | options))

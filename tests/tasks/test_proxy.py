"""Squares in place of large images: what is seen on them is what is done to the images."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.imaging import resize
from miad.search import Host, Space
from miad.tasks.proxy import Proxy, squash
from miad.watermark import (
    NO_TEXTURE,
    Placement,
    TextureOptions,
    blend,
    draw_variants,
    keyed_texture,
    load_logo,
    make_atlas,
)

SIDE = 64
SHAPES = st.tuples(st.integers(SIDE, 200), st.integers(SIDE, 200))


def make(shape, scale=2.0, mode="binary", blocked=None, side=SIDE, options=NO_TEXTURE):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 6, 5, generator=generator)
    images = (255 * torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear")).to(torch.uint8)
    atlas = make_atlas(load_logo("emblem"), draw_variants(2, 1), shape, scale, grey=False, mode=mode)
    corners = {}
    for variant, (height, width) in enumerate(atlas.sizes.tolist()):
        corners[variant] = torch.ones(shape[0] - height + 1, shape[1] - width + 1, dtype=torch.bool)
        if blocked is not None:
            corners[variant] &= torch.rand(corners[variant].shape, generator=generator) < blocked
    texture = keyed_texture(options, b"s", "id", grey=False).draw(*atlas.rgb.shape[-2:]) if options.enabled else None
    host, space = Host(images[0], 0, atlas, texture), Space(corners, (100, 220))
    return host, space, Proxy(host, space, squash(atlas, side / shape[0], side / shape[1]), side)


def worn(host):
    return None if host.texture is None else [host.texture]


def everywhere(space):
    """Every placement that a space admits, at one opacity."""
    parts = []
    for variant, corners in space.corners.items():
        y, x = corners.nonzero(as_tuple=True)
        parts.append(Placement(x, y, torch.full_like(x, 150), torch.full_like(x, variant)))
    return Placement.cat(parts)


@given(shape=SHAPES, blocked=st.sampled_from([0.05, 0.5, 1.0]))
def test_what_a_square_admits_its_image_admits(shape, blocked):
    _, space, proxy = make(shape, blocked=blocked)
    small = everywhere(proxy.space)
    assert space.allows(proxy.on_image(small)).all()
    assert torch.equal(proxy.on_image(small).alpha, small.alpha)
    assert torch.equal(proxy.on_image(small).variant, small.variant)


@given(shape=SHAPES)
def test_edges_are_edges(shape):
    _, space, proxy = make(shape)
    for variant in proxy.space.variants:
        small, large = proxy.space.extent(variant), space.extent(variant)
        ends = Placement(*(torch.tensor(values) for values in ([0, small[0]], [0, small[1]], [150] * 2, [variant] * 2)))
        assert proxy.on_image(ends).rows()[:, :2].tolist() == [[0, 0], list(large)]


@pytest.mark.parametrize("options", [NO_TEXTURE, TextureOptions(64, 48, 16)], ids=["plain", "textured"])
@pytest.mark.parametrize("mode", ["binary", "soft"])
@pytest.mark.parametrize("shape", [(150, 200), (256, 128), (130, 99)])
def test_a_marked_square_is_what_is_seen_of_the_marked_image(mode, shape, options):
    host, _, proxy = make(shape, mode=mode, options=options)
    choice = everywhere(proxy.space)
    shares = []
    for index in range(0, len(choice), len(choice) // 40):
        placement = choice[index : index + 1]
        marked = blend(host.pixels[None], proxy.on_image(placement), host.atlas, worn(host))
        seen, clean = resize(marked, (SIDE, SIDE)).float(), proxy.host.pixels[None]
        guess = blend(clean, placement, proxy.host.atlas, worn(proxy.host)).float()
        shares.append(float((seen - guess).abs().mean() / (seen - clean).abs().mean()))
    assert max(shares) < 0.5
    # Colours and opacity of a texture are averaged one by one, which is a little coarser.
    assert sum(shares) < (0.3 if options.enabled else 0.2) * len(shares)


def test_its_host_is_the_resized_image():
    host, _, proxy = make((150, 200))
    assert torch.equal(proxy.host.pixels, resize(host.pixels[None], (SIDE, SIDE))[0])

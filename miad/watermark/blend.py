"""The compositor and its inverse, in integers: CPU and GPU agree bit for bit, and nothing depends on autocast.

``marked = (m*logo + (255-m)*image + 127) // 255`` with m, the alpha map, in 0..255 (MIAD-MARK eq. 6). 255 is odd,
so there are no ties and the result is the exact blend rounded to the nearest level.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from miad.errors import OptionError, check_at_least
from miad.tensors import Images
from miad.watermark.atlas import Atlas
from miad.watermark.placement import Placement
from miad.watermark.texture import Texture, worn


def blend(images: Images, placement: Placement, atlas: Atlas, textures: Sequence[Texture] | None = None) -> Images:
    """Put the logo on each image.

    Args:
        images: uint8 ``(n, 3, h, w)``, all of the atlas's image size.
        placement: n entries; the logo must lie inside the image.
        atlas: the rendered variants, on the images' device.
        textures: one an image, all of the atlas's box and of one strength, on the same device; by default none.

    Returns:
        uint8 ``(n, 3, h, w)``; the input is not changed.
    """
    marked = images.clone()
    # All at once saves a device its launches; on a CPU gathering costs several times what blending does.
    (_blend_each if images.device.type == "cpu" else _blend_together)(marked, placement, atlas, textures)
    return marked


def check_opacities(alpha_min: int, alpha_max: int) -> None:
    """Opacities are in order, and between 1 (0 would leave the image as it is) and 255.

    Raises:
        OptionError: they are not.
    """
    check_at_least(1, alpha_min=alpha_min)
    check_at_least(alpha_min, alpha_max=alpha_max)
    if alpha_max > 255:
        raise OptionError("alpha_max", "of at most 255", alpha_max)


def alpha_map(coverage: Tensor, alpha: Tensor) -> Tensor:
    """The map m: coverage (uint8) times alpha (0..255), rounded, as int32."""
    return _divide_by_255(coverage.to(torch.int32) * alpha.to(torch.int32) + 127)


def preimages(marked: Tensor, logo: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """The host values that the compositor sends to ``marked``: an interval, for every sample.

    Args:
        marked: integers 0..255.
        logo: the logo's values, the same shape.
        alpha: the map m, the same shape.

    Returns:
        The lowest value and the number of values, int32; the number is 0 where no value leads to ``marked``.
    """
    weight = 255 - alpha.to(torch.int32)
    rest = 255 * marked.to(torch.int32) - alpha.to(torch.int32) * logo.to(torch.int32)
    # rest - 127 <= weight * host <= rest + 127; the divisor is kept positive where the host has no weight.
    divisor = weight.clamp(min=1)
    low = -torch.div(-(rest - 127), divisor, rounding_mode="floor")
    high = torch.div(rest + 127, divisor, rounding_mode="floor")
    reachable = (weight > 0) | (rest.abs() <= 127)
    low = torch.where(weight > 0, low.clamp(min=0), 0)
    high = torch.where(weight > 0, high.clamp(max=255), 255)
    return low, torch.where(reachable, (high - low + 1).clamp(min=0), 0)


def mix(host: Tensor, logo: Tensor, alpha: Tensor) -> Tensor:
    """The compositor itself, sample by sample.

    Args:
        host: uint8.
        logo: uint8, the same shape.
        alpha: the map m as `alpha_map` gives it, int32 0..255; broadcast.

    Returns:
        uint8.
    """
    mixed = alpha * logo.to(torch.int32) + (255 - alpha) * host.to(torch.int32) + 127
    return _divide_by_255(mixed).to(torch.uint8)


def _blend_each(images: Images, placement: Placement, atlas: Atlas, textures: Sequence[Texture] | None) -> None:
    """In place, one after the other."""
    sizes = atlas.sizes.tolist()
    for index, (image, (x, y, alpha, variant)) in enumerate(zip(images, placement.rows().tolist(), strict=True)):
        height, width = sizes[variant]
        host = image[:, y : y + height, x : x + width]
        logo, coverage = atlas.rgb[variant, :, :height, :width], atlas.coverage[variant, :, :height, :width]
        if textures is not None:
            logo, coverage = textures[index].wear(logo, coverage)
        host.copy_(mix(host, logo, alpha_map(coverage, torch.tensor(alpha))))


def _blend_together(images: Images, placement: Placement, atlas: Atlas, textures: Sequence[Texture] | None) -> None:
    """In place, all in one."""
    rows, columns, logo, alpha = _window(images, placement, atlas, textures)
    index = (
        torch.arange(len(images), device=images.device)[:, None, None, None],
        _channels(images),
        rows,
        columns,
    )
    images[index] = mix(images[index], logo, alpha)


def _window(
    images: Images, placement: Placement, atlas: Atlas, textures: Sequence[Texture] | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The atlas's box on each image, moved inwards where its padding would leave the image."""
    (height, width), (box_height, box_width) = images.shape[-2:], atlas.rgb.shape[-2:]
    top = placement.y.clamp(max=height - box_height)[:, None, None, None]
    left = placement.x.clamp(max=width - box_width)[:, None, None, None]
    box_rows = torch.arange(box_height, device=images.device)[None, None, :, None]
    box_columns = torch.arange(box_width, device=images.device)[None, None, None, :]
    variant = placement.variant[:, None, None, None]
    logo_rows = box_rows - (placement.y[:, None, None, None] - top)
    logo_columns = box_columns - (placement.x[:, None, None, None] - left)
    inside = (logo_rows >= 0) & (logo_columns >= 0)
    at = (logo_rows.clamp(min=0), logo_columns.clamp(min=0))
    coverage = atlas.coverage[variant, 0, *at] * inside
    logo = atlas.rgb[variant, _channels(images), *at]
    if textures is not None:
        own = torch.arange(len(images), device=images.device)[:, None, None, None]
        shade, fade = (torch.stack(planes) for planes in zip(*((one.shade, one.fade) for one in textures), strict=True))
        worn_at = (shade[own, _channels(images), *at], fade[own, 0, *at])
        logo, coverage = worn(logo, coverage, *worn_at, textures[0].colour)
    return top + box_rows, left + box_columns, logo, alpha_map(coverage, placement.alpha[:, None, None, None])


def _channels(images: Images) -> Tensor:
    return torch.arange(3, device=images.device)[None, :, None, None]


def _divide_by_255(values: Tensor) -> Tensor:
    """Exact ``values // 255`` for 0 <= values < 65535, by shifts: integer division is slow on most devices."""
    return (values + 1 + (values >> 8)) >> 8

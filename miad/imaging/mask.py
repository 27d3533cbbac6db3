"""Read a lesion mask: every pixel that is not black is lesion."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from miad.errors import InputError
from miad.imaging.read import check_pixels
from miad.tensors import LesionMask


def read_mask(path: Path) -> LesionMask:
    """Decode a mask of any pixel format, upright (EXIF orientation applied).

    Palettes count by their colours; an alpha channel is left out, because published masks set it everywhere.

    Args:
        path: PNG, TIFF, BMP or any other file that Pillow decodes.

    Returns:
        bool ``(h, w)``.

    Raises:
        InputError: the file is missing, is no image, or is truncated.
    """
    try:
        with Image.open(path) as file:
            check_pixels(path, file.width, file.height)
            upright = ImageOps.exif_transpose(file)
            # Deep greys keep their bits; of all else, only RGB has black at zero.
            grey = upright.mode.partition(";")[0] in ("1", "L", "I", "F")
            shades = np.atleast_3d(np.array(upright if grey else upright.convert("RGB")))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: expected a mask image, found a file that can not be decoded ({error})") from error
    lesion: LesionMask = np.asarray(shades.any(axis=2))
    return lesion

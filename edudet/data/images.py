"""Pictures from files: every kind that people have, read as colours in [0, 1].

A photo is stored as the sensor saw it, with a note (EXIF) how to turn it: viewers do, and so do we,
before a box is laid on it. Old annotations were made on the picture as it is stored: `size` tells
which one an annotation means. Grey becomes three equal colours, a palette's entries and CMYK become
their colours, and transparency is dropped: the colours underneath count, as in torchvision.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edudet import check
from edudet.data.files import write_atomically


def read_image(path: str | Path, size: tuple[int, int] | None = None) -> Tensor:
    """Return a picture, turned as its EXIF note says.

    Args:
        path: a file of any format that Pillow reads; the first picture of several.
        size: (height, width) that annotations are made for. If only the picture as it is stored has
            this size, it is not turned.

    Returns:
        (3, H, W) float32 in [0, 1].

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is broken or not a picture; or the picture does not have this size.
        RuntimeError: Pillow is not installed.
    """
    _, ImageOps = _pillow("read_image")
    image = _opened("read_image", path)
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception:  # a broken note, in as many ways as there are cameras: it says nothing
        turned = image
    height_and_width = [(turned.height, turned.width), (image.height, image.width)]
    if size is not None and tuple(size) not in height_and_width:
        raise ValueError(
            f"read_image: {path} must be {size[0]} x {size[1]} pixels (height x width) as its "
            f"annotations say, got {turned.height} x {turned.width}"
        )
    chosen = turned if size is None or tuple(size) == height_and_width[0] else image
    return torch.from_numpy(_colours(path, chosen)).movedim(-1, 0).contiguous()


def is_picture(name: str) -> bool:
    """Whether a file's extension is one of those that Pillow reads."""
    Image, _ = _pillow("is_picture")
    return Path(name).suffix.lower() in Image.registered_extensions()


def read_indices(path: str | Path) -> Tensor:
    """Return the (H, W) uint8 indices, not the colours, of a picture with a palette.

    Errors: see `read_image`.
    """
    image = _opened("read_indices", path)
    if image.mode not in ("P", "L"):
        raise ValueError(
            f"read_indices: {path} must have a palette or be grey (one byte a pixel), "
            f"got the mode {image.mode}"
        )
    return torch.from_numpy(np.array(image))


def write_image(path: str | Path, image: Tensor) -> None:
    """Write a (3, H, W) float image in [0, 1] as PNG, each colour rounded to 8 bits.

    The file appears whole or not at all.

    Raises:
        TypeError, ValueError: `image` is not such a tensor, or a colour lies outside [0, 1].
    """
    Image, _ = _pillow("write_image")
    check.is_tensor("write_image", image=image)
    check.dtype("write_image", check.FLOATS, image=image)
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ValueError(f"write_image: image must have shape (3, H, W), got {tuple(image.shape)}")
    image = image.detach().cpu().float()
    if not ((image >= 0) & (image <= 1)).all():
        raise ValueError(
            f"write_image: image must lie in [0, 1], got {image.min():g} to {image.max():g}"
        )
    pixels = (image * 255).round().to(torch.uint8).movedim(0, -1).contiguous()
    write_atomically(path, lambda file: Image.fromarray(pixels.numpy()).save(file, "PNG"))


def _pillow(function: str) -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise RuntimeError(
            f"{function}: pictures are read with Pillow; run `pip install 'edudet[demo]'`"
        ) from None
    return Image, ImageOps


def _opened(function: str, path: str | Path) -> Any:
    Image, _ = _pillow(function)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{function}: {path} must be a picture, got no such file")
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except Exception as error:  # Pillow's readers raise whatever a broken file makes them raise
        what = str(error).replace(str(path), "it")
        raise ValueError(f"{function}: {path} must be a picture, got: {what}") from None


def _colours(path: str | Path, image: Any) -> np.ndarray:
    """(H, W, 3) float32."""
    if image.mode.startswith("I"):                        # grey, 16 bits
        grey = np.asarray(image).astype(np.float32) / 65535
        return np.repeat(grey.clip(0, 1)[:, :, None], 3, axis=2)
    if image.mode == "F":
        raise ValueError(f"read_image: {path} must have whole numbers, got floats of unknown range")
    if "transparency" in image.info:                      # a palette with transparent entries
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB")).astype(np.float32) / np.float32(255)

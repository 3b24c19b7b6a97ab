"""Backgrounds: textures of two muted colours, and pieces of photos.

The photos ship inside scikit-image. Test scenes show the right third of each, training scenes the
rest: a detector that learned the photos by heart gains nothing. Photos are kept as PNG there, which
every decoder reads alike.
"""

from functools import lru_cache

import numpy as np
from numpy.random import Generator

from edudet.data.sprites import Array, between, column, hsv, pick, pixel_centres, whole

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "brick", "grass", "gravel")
KINDS = ("clouds", "waves", "weave", "grain", "gradient")


def draw_background(
    rng: Generator, size: tuple[int, int], photos: float, ground: float, held_out: bool
) -> tuple[Array, Array]:
    """Return an image (3, H, W) float32 in [0, 1] and where its ground is, (H, W) bool.

    Args:
        photos: how likely a photo is.
        ground: how likely another background takes the lower part, behind a horizon.
        held_out: take photos' right thirds, which are kept for test scenes.
    """
    image = _one(rng, size, photos, held_out)
    below = np.zeros(size, bool)
    if rng.random() < ground:
        x, y = pixel_centres(*size)
        level = between(rng, 0.35, 0.8) * size[0] + between(rng, -0.2, 0.2) * (x - size[1] / 2)
        hills = between(rng, 0, 4) * np.sin(x / between(rng, 6, 20) + between(rng, 0, 6.28))
        below = y > level + hills
        lower = _one(rng, size, photos, held_out)
        image = np.where(below, lower, image)
    return image, below


def _one(rng: Generator, size: tuple[int, int], photos: float, held_out: bool) -> Array:
    if rng.random() < photos:
        return _photo(rng, size, held_out)
    return _texture(rng, size)


def _texture(rng: Generator, size: tuple[int, int]) -> Array:
    kind = pick(rng, KINDS)
    one = hsv(float(rng.random()), between(rng, 0.05, 0.45), between(rng, 0.2, 0.85))
    other = hsv(float(rng.random()), between(rng, 0.05, 0.4), between(rng, 0.2, 0.85))
    share = _share(rng, kind, size)                                      # (H, W) in about [0, 1]
    # Too strong a pattern would look like objects.
    strength = between(rng, 0.25, 0.9)
    return column(one) + (strength * share) * (column(other) - column(one))


def _share(rng: Generator, kind: str, size: tuple[int, int]) -> Array:
    """How much of the second colour each pixel has."""
    x, y = pixel_centres(*size)
    angle = between(rng, 0, 2 * np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    if kind == "gradient":
        along = cos * x + sin * y
        return (along - along.min()) / np.ptp(along)
    if kind == "clouds":
        return _noise(rng, size, 5) * 0.6 + _noise(rng, size, 14) * 0.4
    if kind == "grain":
        return _noise(rng, size, 6) * 0.5 + rng.random(size, dtype=np.float32) * 0.5
    if kind == "waves":
        step = np.float32(2 * np.pi / between(rng, 14, 40))
        bent = _noise(rng, size, 5) * between(rng, 0, 6)
        return 0.5 + 0.5 * np.sin((cos * x + sin * y) * step + bent)
    step = np.float32(2 * np.pi / between(rng, 5, 12))
    return 0.5 + 0.5 * np.sin((cos * x + sin * y) * step) * np.sin((cos * y - sin * x) * step)


def _noise(rng: Generator, size: tuple[int, int], cells: int) -> Array:
    """(H, W) in [0, 1]: random values on a grid of cells, joined smoothly."""
    grid = rng.random((cells + 1, cells + 1), dtype=np.float32)
    down, across = smooth_steps(size[0], cells), smooth_steps(size[1], cells)
    return down @ grid @ across.T


@lru_cache(maxsize=64)
def smooth_steps(length: int, cells: int) -> Array:
    """(length, cells + 1): the weights of the grid's values at every pixel."""
    place = (np.arange(length, dtype=np.float32) + 0.5) / length * cells
    left = np.minimum(place.astype(int), cells - 1)
    part = place - left
    part = part * part * (3 - 2 * part)
    weights = np.zeros((length, cells + 1), np.float32)
    weights[np.arange(length), left] = 1 - part
    weights[np.arange(length), left + 1] = part
    return weights


def _photo(rng: Generator, size: tuple[int, int], held_out: bool) -> Array:
    full, half = pick(rng, load_photos(held_out))
    photo = half if rng.random() < 0.5 and _fits(half, size) else full   # (3, H', W')
    if not _fits(photo, size):
        # Continued by its mirror image: no edge appears that is not in the photo.
        missing = [(0, max(want - has, 0)) for has, want in zip(photo.shape[1:], size, strict=True)]
        photo = np.pad(photo, [(0, 0), *missing], "symmetric")
    y = whole(rng, 0, photo.shape[1] - size[0])
    x = whole(rng, 0, photo.shape[2] - size[1])
    piece = photo[:, y : y + size[0], x : x + size[1]]                   # (3, H, W)
    piece = piece[..., ::-1] if rng.random() < 0.5 else piece
    strength = np.float32(between(rng, 0.5, 1) / 255)
    lift = column(hsv(float(rng.random()), between(rng, 0, 0.3), 1)) * between(rng, 0, 0.25)
    return np.ascontiguousarray(piece * strength + lift.astype(np.float32))


def _fits(photo: Array, size: tuple[int, int]) -> bool:
    return photo.shape[1] >= size[0] and photo.shape[2] >= size[1]


@lru_cache(maxsize=2)
def load_photos(held_out: bool) -> list[list[Array]]:
    """Every photo in two scales, (3, H, W) uint8 each.

    Raises:
        ImportError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError:
        raise ImportError(
            "Scenes: photographic backgrounds need scikit-image: pip install 'edudet[demo]'; "
            "the levels 'easy' and 'digits' do without"
        ) from None
    photos = []
    for name in PHOTOS:
        photo = getattr(data, name)()
        if photo.ndim == 2:
            photo = np.stack([photo] * 3, 2)
        cut = photo.shape[1] * 2 // 3
        photo = (photo[:, cut:] if held_out else photo[:, :cut]).transpose(2, 0, 1)
        photo = np.ascontiguousarray(photo)
        photos.append([photo, _halved(photo)])
    return photos


def _halved(photo: Array) -> Array:
    """The mean of every 2 x 2 pixels."""
    _, height, width = photo.shape
    even = photo[:, : height // 2 * 2, : width // 2 * 2].astype(np.uint16)
    total = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
    return ((total + 2) // 4).astype(np.uint8)

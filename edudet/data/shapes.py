"""Shapes: one function of a distance each, and one of how light falls on it.

A distance is negative inside, 0 on the rim and positive outside, so that a pixel's coverage is
0.5 - distance in pixels, cut to [0, 1]: anti-aliased without drawing anything twice. Shapes live in
(u, v) with a radius of about 1, v down; a scene turns, scales and shifts them.

A class is told by its outline and by its paint: balls are shaded, tiles striped, triangles
bordered. Hue is only a hint (`HUES`), which a level follows as often as it likes.
"""

from functools import cache

import numpy as np
from numpy.random import Generator

from edudet.data.sprites import Array, Colour, Sprite, between, column, hsv, mixed, pixel_centres

TAU = 2 * np.pi


def ball(u: Array, v: Array) -> Array:
    return np.hypot(u, v) - 1


def ring(u: Array, v: Array) -> Array:
    return np.abs(np.hypot(u, v) - 0.74) - 0.26


def tile(u: Array, v: Array) -> Array:
    return np.maximum(np.abs(u), np.abs(v)) - 0.75


def triangle(u: Array, v: Array) -> Array:
    return _regular(u, v, 3)


def hexagon(u: Array, v: Array) -> Array:
    return _regular(u, v, 6)


def _regular(u: Array, v: Array, corners: int) -> Array:
    """A polygon with all its corners at distance 1: the sides are the same one, turned."""
    turn = TAU / corners
    across = np.arctan2(u, -v) % turn - turn / 2
    return np.hypot(u, v) * np.cos(across) - np.cos(turn / 2)


def star(u: Array, v: Array) -> Array:
    """Five tips at distance 1, notches at 0.45; ten sides that are the same one, mirrored."""
    turn = TAU / 5
    from_tip = np.abs((np.arctan2(u, -v) + turn / 2) % turn - turn / 2)
    notch = 0.45 * np.exp(0.5j * turn)
    normal = np.angle((notch - 1) * -1j)
    return np.hypot(u, v) * np.cos(from_tip - normal) - np.cos(normal)


def cross(u: Array, v: Array) -> Array:
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v) - 1, np.minimum(u, v) - 0.34)


def moon(u: Array, v: Array) -> Array:
    return np.maximum(np.hypot(u, v) - 1, 0.8 - np.hypot(u - 0.5, v))


def heart(u: Array, v: Array) -> Array:
    """A square on its corner, with a disc on each of its upper sides."""
    side = 0.55
    a, b = (u - v + 0.08) * 0.7071, (-u - v + 0.08) * 0.7071
    square = np.maximum(np.abs(a), np.abs(b)) - side
    discs = np.minimum(np.hypot(a - side, b), np.hypot(a, b - side)) - side
    return np.minimum(square, discs)


def flower(u: Array, v: Array) -> Array:
    return (np.hypot(u, v) - 0.74 - 0.26 * np.cos(5 * np.arctan2(u, -v))) * 0.7


def arrow(u: Array, v: Array) -> Array:
    head = np.maximum(0.7 * (np.abs(u) - v) - 0.7, v)
    return np.minimum(head, np.maximum(np.abs(u) - 0.32, np.abs(v - 0.45) - 0.55))


def drop(u: Array, v: Array) -> Array:
    """A disc under a tip: below the tip, the two tangents to the disc."""
    tip = np.maximum(0.848 * np.abs(u) - 0.53 * (v + 1), v - 0.05)
    return np.minimum(np.hypot(u, v - 0.38) - 0.62, np.where(np.abs(u) < 0.55, tip, 1))


def plank(u: Array, v: Array) -> Array:
    return np.maximum(np.abs(u) - 1, np.abs(v) - 0.28)


SHAPES = {
    "ball": ball, "ring": ring, "tile": tile, "triangle": triangle, "star": star, "cross": cross,
    "moon": moon, "heart": heart, "hexagon": hexagon, "flower": flower, "arrow": arrow,
    "drop": drop,
}  # fmt: skip
CLUTTER = {"plank": plank}

HUES = {
    "ball": 0.6, "ring": 0.78, "tile": 0.08, "triangle": 0.02, "star": 0.15, "cross": 0.36,
    "moon": 0.5, "heart": 0.94, "hexagon": 0.1, "flower": 0.88, "arrow": 0.3, "drop": 0.55,
}  # fmt: skip


def _paint(name: str, u: Array, v: Array, distance: Array) -> tuple[bool, Array]:
    """Whether the second colour is a lighter one, and its share in every pixel (before a cut)."""
    if name == "ball":
        return False, np.hypot(u + 0.4, v + 0.4) * 0.65 - 0.1
    if name == "ring":
        return True, -3 * distance
    if name == "tile":
        return True, 0.5 + 2 * np.sin(u * (2.5 * TAU / 1.5))
    if name in ("triangle", "hexagon"):
        return False, 0.5 + 12 * (distance + 0.17)
    if name == "star":
        return True, 1.1 - 1.5 * np.hypot(u, v)
    if name in ("cross", "arrow"):
        return True, 0.5 + 12 * (distance + 0.13)
    if name == "moon":
        return True, 0.7 + 0.6 * v
    if name in ("heart", "drop"):
        return True, 1.4 - 4 * np.hypot(u + 0.4, v + 0.35)
    if name == "flower":
        return True, 0.5 + 8 * (0.36 - np.hypot(u, v))
    return False, 0.15 + 0.3 * np.abs(v)


@cache
def _rim(name: str) -> Array:
    """(2, P) float32: points along the inside of a shape's rim, for its extent when turned."""
    grid = np.linspace(-1.05, 1.05, 421, dtype=np.float32)
    u, v = np.meshgrid(grid, grid)
    distance = (SHAPES | CLUTTER)[name](u, v)
    rim = (distance <= 0) & (distance > -0.006)
    return np.stack([u[rim], v[rim]])


def draw_shape(rng: Generator, name: str, side: float, rotation: float, typical: float) -> Sprite:
    """Draw a shape whose longer side, when turned, is `side` pixels.

    Args:
        rng: decides on the angle, on colours, and on where in a pixel the shape begins.
        name: one of SHAPES or CLUTTER.
        side: pixels.
        rotation: the largest angle to either side, in degrees.
        typical: how likely the class's own hue is.
    """
    angle = between(rng, -1, 1) * np.deg2rad(rotation)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    rim = np.array([[cos, -sin], [sin, cos]]) @ _rim(name)               # (2, P)
    low, high = rim.min(1), rim.max(1)
    scale = np.float32(side / (high - low).max())                        # pixels per unit
    # A free pixel around, and a start anywhere in a pixel.
    shift = 1 + np.array([rng.random(), rng.random()]) - low * scale
    width, height = np.ceil(shift + high * scale).astype(int) + 1
    x, y = pixel_centres(height, width)
    x, y = (x - np.float32(shift[0])) / scale, (y - np.float32(shift[1])) / scale
    u, v = cos * x + sin * y, cos * y - sin * x                          # (h, w): turned back
    distance = (SHAPES | CLUTTER)[name](u, v)
    alpha = np.clip(0.5 - distance * scale, 0, 1, dtype=np.float32)
    colour, strength = _colour(rng, name, typical)
    lighter, share = _paint(name, u, v, distance)
    main = column(colour)
    second = column(mixed(colour, (1, 1, 1) if lighter else (0, 0, 0), strength))
    ink = (main + (second - main) * np.clip(share, 0, 1, dtype=np.float32)) * alpha
    return Sprite(ink, alpha)


def _colour(rng: Generator, name: str, typical: float) -> tuple[Colour, float]:
    """The main colour, and how far the second one is on the way to white or black."""
    if name in CLUTTER:
        return hsv(float(rng.random()), between(rng, 0.05, 0.35), between(rng, 0.2, 0.8)), 0.5
    hue = float(rng.random())
    if rng.random() < typical:
        hue = HUES[name] + 0.08 * (hue - 0.5)
    return hsv(hue, between(rng, 0.6, 1), between(rng, 0.7, 1)), between(rng, 0.6, 0.85)

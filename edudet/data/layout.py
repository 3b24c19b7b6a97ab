"""What a scene is made of: how many things of which kind, how large, and where to try them."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from edudet.data.backgrounds import draw_background
from edudet.data.canvas import Canvas
from edudet.data.digits import draw_digit
from edudet.data.levels import Level
from edudet.data.people import draw_person
from edudet.data.scene import Scene
from edudet.data.shapes import draw_shape
from edudet.data.sprites import Sprite, between, pick, whole

TRIES = 8  # places for one sprite
SPRITES = 3  # sprites for one object, before the scene does without
FIRST = 50  # sprites for a scene's first object: it has the room, it only has to stand out


def draw_scene(rng: Generator, level: Level, size: tuple[int, int], held_out: bool) -> Scene:
    """Draw a scene: background, crowd, then objects, people and clutter in any order, then noise.

    Args:
        rng: decides on everything; nothing else does.
        size: (height, width) in pixels.
        held_out: take the photos and the handwriting that are kept for test scenes.
    """
    image, ground = draw_background(rng, size, level.photos, level.ground, held_out)
    canvas = Canvas(
        image, level.least_visible, (level.least_side, level.sides[0]), level.contrast
    )
    _add_crowd(rng, level, canvas, held_out)
    kinds = ["object"] * whole(rng, *level.objects) + ["person"] * whole(rng, *level.people)
    kinds += ["clutter"] * whole(rng, *level.clutter)
    for _, kind in sorted((float(rng.random()), kind) for kind in kinds):
        for _ in range(SPRITES if canvas.labels else FIRST):
            sprite, label = _draw(rng, level, kind, min(size), held_out)
            if canvas.place(sprite, _corners(rng, level, canvas, sprite), label):
                break
    if level.noise:
        noise = rng.random(size, dtype=np.float32) - np.float32(0.5)
        canvas.image += np.float32(2 * level.noise) * noise
    return canvas.finish(ground)


def _draw(
    rng: Generator, level: Level, kind: str, most: int, held_out: bool
) -> tuple[Sprite, int | None]:
    """An object of any class, a person or clutter, at most `most` pixels long; and its label."""
    if kind == "person":
        return draw_person(rng, _length(rng, level.heights, most)), len(level.categories)
    if kind == "clutter":
        return draw_shape(rng, "plank", between(rng, 24, 72), level.rotation, 0.0), None
    label = whole(rng, 1, level.num_objects)
    return _draw_class(rng, level, label, _length(rng, level.sides, most), held_out), label


def _length(rng: Generator, limits: tuple[float, float], most: int) -> float:
    """Any length within the limits; rounded to whole pixels, it is within them, too."""
    low, high = limits[0] + 0.5, min(limits[1], most) - 0.01
    return between(rng, min(low, high), high)


def _draw_class(
    rng: Generator, level: Level, label: int, side: float, held_out: bool
) -> Sprite:
    if label > len(level.shapes):
        digit = label - len(level.shapes) - 1
        return draw_digit(rng, digit, side, level.rotation, held_out)
    return draw_shape(rng, level.shapes[label - 1], side, level.rotation, level.typical)


def _add_crowd(rng: Generator, level: Level, canvas: Canvas, held_out: bool) -> None:
    """Put a group of one class around a point, the farthest thing in the scene."""
    count = whole(rng, *level.crowd)
    if count == 0:
        return
    label = whole(rng, 1, level.num_objects)
    height, width = canvas.owner.shape
    x, y = between(rng, 0.2, 0.8) * width, between(rng, 0.2, 0.8) * height
    sprites, corners = [], []
    for _ in range(count):
        sprites.append(_draw_class(rng, level, label, between(rng, 10, 18), held_out))
        corners.append((int(x + between(rng, -24, 8)), int(y + between(rng, -24, 8))))
    canvas.place_crowd(sprites, corners, label)


def _corners(
    rng: Generator, level: Level, canvas: Canvas, sprite: Sprite
) -> Iterator[tuple[int, int]]:
    """Where a sprite's upper left corner (x, y) may be put, one place after the other."""
    height, width = sprite.alpha.shape
    rows, columns = canvas.owner.shape
    if canvas.boxes and rng.random() < level.neighbours:
        x1, y1, x2, y2 = pick(rng, canvas.boxes)
        x = int(between(rng, x1, x2) - width / 2)
        lowest = int(sprite.mask().any(1).nonzero()[0][-1]) + 1
        yield x, y1 - lowest                                             # on it
        yield x, int(between(rng, y1, y2) - height / 2)                  # in front of it
    least_x, most_x, least_y, most_y = -1, columns - width + 1, -1, rows - height + 1
    if rng.random() < level.truncation:
        # The sprite's middle anywhere in the image: the border may cut it.
        least_x, most_x = -(width // 2), columns - width // 2
        least_y, most_y = -(height // 2), rows - height // 2
    for _ in range(TRIES):
        yield whole(rng, least_x, max(most_x, least_x)), whole(rng, least_y, max(most_y, least_y))

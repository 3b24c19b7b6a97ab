import math

import numpy as np
import pytest

from edudet.data.shapes import CLUTTER, SHAPES, draw_shape


def drawn(name, side, rotation=180.0, seed=0):
    return draw_shape(np.random.default_rng(seed), name, side, rotation, 0.5)


def ends(mask):
    columns, rows = mask.any(0).nonzero()[0], mask.any(1).nonzero()[0]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


# Upright, with a longer side of 1.
AREAS = {
    "ball": math.pi / 4,
    "ring": math.pi / 4 * (1 - 0.48**2),
    "tile": 1,
    "triangle": math.sqrt(3) / 4,
    "hexagon": 3 * math.sqrt(3) / 2 / 4,
    "cross": (2 * (2 * 0.68) - 0.68**2) / 4,  # two bars of 2 x 0.68, less what they share
    "plank": 0.28,
}


@pytest.mark.parametrize("name", AREAS)
def test_areas(name):
    sprite = drawn(name, 80.0, rotation=0.0)
    assert sprite.alpha.sum() == pytest.approx(AREAS[name] * 80**2, rel=0.01)
    assert sprite.mask().sum() == pytest.approx(AREAS[name] * 80**2, rel=0.02)


def test_a_star_has_the_area_of_its_ten_triangles():
    # Upright, a star is 2 cos 18° wide; a triangle from the middle to a tip and a notch.
    area = 10 * 0.5 * 0.45 * math.sin(math.pi / 5) / (2 * math.cos(math.pi / 10)) ** 2
    assert drawn("star", 90.0, 0.0).alpha.sum() == pytest.approx(area * 90**2, rel=0.02)


@pytest.mark.parametrize("name", [*SHAPES, *CLUTTER])
@pytest.mark.parametrize("seed", range(5))
def test_the_longer_side_is_as_asked_at_any_angle(name, seed):
    side = 10.5 + 11 * seed
    sprite = drawn(name, side, seed=seed)
    x1, y1, x2, y2 = ends(sprite.mask())
    # Of a narrow tip, the last pixels are covered by less than half.
    assert side - 3 <= max(x2 - x1, y2 - y1) <= math.floor(side) + 1
    # Nothing is cut off: the sprite's own rim is empty.
    rim = np.ones_like(sprite.alpha, bool)
    rim[1:-1, 1:-1] = False
    assert not sprite.mask()[rim].any()


@pytest.mark.parametrize("name", [*SHAPES, *CLUTTER])
def test_values(name):
    sprite = drawn(name, 20.0)
    assert sprite.ink.shape == (3, *sprite.alpha.shape)
    assert sprite.ink.dtype == sprite.alpha.dtype == np.float32
    assert sprite.alpha.min() == 0 and sprite.alpha.max() == 1
    assert (sprite.ink >= 0).all() and (sprite.ink <= sprite.alpha + 1e-6).all()
    assert ((sprite.alpha > 0.05) & (sprite.alpha < 0.95)).any(), "no anti-aliasing"


def test_no_two_shapes_are_alike_however_small():
    masks = {}
    for name in SHAPES:
        x1, y1, x2, y2 = ends(drawn(name, 10.5, rotation=0.0).mask())
        inside = drawn(name, 10.5, rotation=0.0).mask()[y1:y2, x1:x2]
        masks[name] = np.pad(inside, ((0, 12 - inside.shape[0]), (0, 12 - inside.shape[1])))
    names = list(SHAPES)
    for i, one in enumerate(names):
        for other in names[:i]:
            both = masks[one] & masks[other]
            either = masks[one] | masks[other]
            assert both.sum() / either.sum() < 0.93, (one, other)

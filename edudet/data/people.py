"""Stick figures with 14 named joints, in the order of the Leeds Sports Poses and of DeepPose.

A figure is a tree of limbs: each limb's angle is drawn within what a body can do, and its joint
stands at the end of the limb. Left and right are the figure's own: it looks at the viewer, so its
right arm is on the left of the picture. Lengths are shares of the standing figure's height.
"""

import numpy as np
from numpy.random import Generator

from edudet.data import sprites
from edudet.data.sprites import Array, Colour, Sprite, between, column, hsv, mixed, pick

JOINTS = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle",
    "right wrist", "right elbow", "right shoulder", "left shoulder", "left elbow", "left wrist",
    "neck", "head top",
)  # fmt: skip
FLIP_PAIRS = ((0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9))
SKELETON = (
    (0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 12), (12, 9), (9, 10), (10, 11),
    (2, 8), (3, 9), (12, 13),
)  # fmt: skip

SKIN = ((1.0, 0.86, 0.74), (0.95, 0.76, 0.6), (0.78, 0.57, 0.42), (0.5, 0.34, 0.25))


def draw_person(rng: Generator, height: float) -> Sprite:
    """Draw a figure whose box is `height` pixels high, with its joints."""
    joints, head = _pose(rng)
    limbs = _limbs(rng, joints, head)
    low = np.min([np.minimum(start, end) - radius for start, end, radius, _ in limbs], 0)
    high = np.max([np.maximum(start, end) + radius for start, end, radius, _ in limbs], 0)
    scale = height / (high[1] - low[1])
    shift = 1 + np.array([rng.random(), rng.random()]) - low * scale
    width, rows = np.ceil(shift + high * scale).astype(int) + 1
    ink = np.zeros((3, rows, width), np.float32)
    alpha = np.zeros((rows, width), np.float32)
    for start, end, radius, colour in limbs:
        # A line thinner than this would have no pixel of its own.
        radius = max(radius * scale, 0.8)
        _stroke(ink, alpha, start * scale + shift, end * scale + shift, radius, colour)
    return Sprite(ink, alpha, (joints * scale + shift).astype(np.float32))


def _pose(rng: Generator) -> tuple[Array, Array]:
    """The joints (14, 2), x and y, of a figure about 1 high, and the centre of its head."""
    lean = between(rng, -0.4, 0.4)
    up, right = _towards(np.pi + lean), _towards(np.pi / 2 + lean)
    neck = 0.3 * up                                                      # the hips' middle is 0
    tilt = _towards(np.pi + lean + between(rng, -0.3, 0.3))
    joints = np.zeros((14, 2))
    for side, hip, knee, ankle, shoulder, elbow, wrist in (
        (-1, 2, 1, 0, 8, 7, 6), (1, 3, 4, 5, 9, 10, 11),
    ):  # fmt: skip
        joints[hip] = side * 0.07 * right
        thigh = between(rng, -0.1, 0.9)
        joints[knee] = joints[hip] + 0.24 * _towards(side * thigh + 0.5 * lean)
        shin = thigh - between(rng, -0.1, 0.9)
        joints[ankle] = joints[knee] + 0.24 * _towards(side * shin + 0.5 * lean)
        joints[shoulder] = neck + side * 0.12 * right - 0.03 * up
        arm = between(rng, 0.05, 2.6)
        joints[elbow] = joints[shoulder] + 0.17 * _towards(side * arm + lean)
        forearm = arm + between(rng, -0.6, 1.2)
        joints[wrist] = joints[elbow] + 0.16 * _towards(side * forearm + lean)
    joints[12] = neck
    joints[13] = neck + 0.2 * tilt
    return joints, neck + 0.125 * tilt


def _towards(angle: float) -> Array:
    """The unit vector at an angle from straight down, towards the right of the picture."""
    return np.array([np.sin(angle), np.cos(angle)])


Limb = tuple[Array, Array, float, Colour]  # start, end, radius, colour


def _limbs(rng: Generator, joints: Array, head: Array) -> list[Limb]:
    """Start, end, radius and colour of what to draw, the farthest first."""
    shirt = hsv(float(rng.random()), between(rng, 0.4, 1), between(rng, 0.5, 1))
    trousers = hsv(float(rng.random()), between(rng, 0.2, 0.9), between(rng, 0.25, 0.8))
    skin = pick(rng, SKIN)
    hair = mixed(pick(rng, ((0.1, 0.08, 0.06), (0.4, 0.22, 0.1), (0.75, 0.6, 0.3))), skin, 0.1)
    legs = [(joints[a], joints[b], 0.036, trousers) for a, b in ((0, 1), (1, 2), (5, 4), (4, 3))]
    waist, chest = (joints[2] + joints[3]) / 2, joints[12]
    torso = [
        (joints[2], joints[8], 0.045, shirt), (joints[3], joints[9], 0.045, shirt),
        (waist, chest, 0.075, shirt),
    ]  # fmt: skip
    face = [
        (chest, head, 0.03, skin), (head, head, 0.075, skin),
        (head + 0.5 * (joints[13] - head), joints[13], 0.05, hair),
    ]  # fmt: skip
    arms = []
    for shoulder, elbow, wrist in ((8, 7, 6), (9, 10, 11)):
        arms += [
            (joints[elbow], joints[wrist], 0.026, skin),
            (joints[shoulder], joints[elbow], 0.032, mixed(shirt, (0, 0, 0), 0.15)),
        ]
    return legs + torso + face + arms


def _stroke(
    ink: Array, alpha: Array, start: Array, end: Array, radius: float, colour: Colour
) -> None:
    """Draw a thick line with round ends, darker towards its rim, into `ink` and `alpha`."""
    low = np.maximum(np.minimum(start, end) - radius - 1, 0).astype(int)
    high = np.ceil(np.maximum(start, end) + radius + 1).astype(int)
    part = slice(low[1], high[1]), slice(low[0], high[0])
    height, width = alpha[part].shape
    x, y = sprites.pixel_centres(height, width)
    x, y = x - np.float32(start[0] - low[0]), y - np.float32(start[1] - low[1])
    dx, dy = (end - start).astype(np.float32)
    # The nearest point of the line lies this share of the way along it.
    per_length = 1 / max(dx * dx + dy * dy, np.float32(1e-6))
    along = np.minimum(np.maximum(x * (dx * per_length) + y * (dy * per_length), 0), 1)
    inside = np.float32(radius) - np.hypot(x - along * dx, y - along * dy)
    cover = np.minimum(np.maximum(inside + np.float32(0.5), 0), 1)
    light = cover * (0.7 + np.maximum(inside, 0) * np.float32(0.3 / radius))
    ink_there, alpha_there = ink[:, part[0], part[1]], alpha[part]
    ink_there *= 1 - cover
    ink_there += column(colour) * light
    alpha_there += cover * (1 - alpha_there)

"""Exercise: box coding, there and back."""

import torch

from edudet.boxes import decode_deltas as library_decode
from edudet.boxes import encode_deltas as library_encode
from edudet.cases.boxes.deltas import CASES, ENCODED, MISTAKES, MISTAKES_WITH_ENCODED, ONES
from edudet.cases.case import Case
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes


def encode_deltas(boxes, anchors):
    """Return the deltas that turn each anchor into its box.

    boxes, anchors: (N, 4) float32, (x1, y1, x2, y2) in pixels; every side is longer than 0. Row i
    of the one belongs to row i of the other. N may be 0.

    Returns (N, 4) float32: dx, dy, dw, dh, in this order.
    """
    return library_encode(boxes, anchors)


def decode_deltas(deltas, anchors):
    """Return the boxes that the deltas make of the anchors.

    deltas: (N, 4) float32: dx, dy, dw, dh. anchors: (N, 4) float32, (x1, y1, x2, y2) in pixels.
    A dw or dh above log(1000 / 16) counts as log(1000 / 16). N may be 0.

    Returns (N, 4) float32, (x1, y1, x2, y2), not clipped to the image.
    """
    return library_decode(deltas, anchors)


def plain(cases):
    """The cases without weights."""
    return [Case(case.name, case.args[:2], None) for case in cases if case.args[2] == ONES]


def pairs(random):
    return random_boxes(random, 12, 64), random_boxes(random, 12, 64)


def far_pairs(random):
    """Boxes of small anchors, far away and larger; a few, or only one."""
    n = int(random.integers(1, 5))
    boxes, anchors = random_boxes(random, n, 64, smallest=16), random_boxes(random, n, 8)
    return boxes, [[value - 32 for value in box] for box in anchors]


def moves(random):
    deltas = random.integers(-8, 9, (12, 4)) / 8
    return deltas.tolist(), random_boxes(random, 12, 64)


def huge_growths(random):
    """Some of the sizes beyond the clamp, some just below, some shrinking."""
    deltas = random.integers(-4, 5, (10, 4)) / 8
    deltas[:, 2:] = random.choice([-40, -1, 3.5, 4, 4.25, 5, 40], (10, 2))
    return deltas.tolist(), random_boxes(random, 10, 8)


def left_corners_moved(boxes, anchors, weights):
    """dx and dy from the upper left corners."""
    right = MISTAKES_WITH_ENCODED["in pixels: not divided by the anchor's size"]
    return [
        [(b[0] - a[0]) / (a[2] - a[0]), (b[1] - a[1]) / (a[3] - a[1]), *sizes[2:]]
        for b, a, sizes in zip(boxes, anchors, right(boxes, anchors, weights), strict=True)
    ]


def without_weights(mistakes):
    return {
        hint: lambda first, anchors, wrong=wrong: wrong(first, anchors, ONES)
        for hint, wrong in mistakes.items()
    }


def draw_encoded(axes, case, result):
    """The box, and where the deltas move the anchor."""
    boxes, anchors = (boxes_tensor(part) for part in case)
    deltas = torch.as_tensor(result, dtype=torch.float32)
    _draw_moves(axes, anchors, library_decode(deltas, anchors), boxes)
    names = ("dx", "dy", "dw", "dh")
    values = (f"{name} {value:.3g}" for name, value in zip(names, deltas[0].tolist(), strict=True))
    axes.set_title(", ".join(values))


def draw_decoded(axes, case, result):
    _draw_moves(axes, boxes_tensor(case[1]), boxes_tensor(result), None)


def _draw_moves(axes, anchors, moved, boxes):
    from edudet.draw import COLOURS, draw_boxes, look_at

    if boxes is not None:
        draw_boxes(axes, boxes, "truth", ["box"] * len(boxes), width=4, alpha=0.5)
    draw_boxes(axes, anchors, "faint", ["anchor"] * len(anchors), dashed=True)
    draw_boxes(axes, moved, "kept")
    start, end = ((part[:, :2] + part[:, 2:]) / 2 for part in (anchors, moved))
    for (x1, y1), (x2, y2) in zip(start.tolist(), end.tolist(), strict=True):
        axes.annotate("", (x2, y2), (x1, y1),
                      arrowprops={"arrowstyle": "->", "color": COLOURS["marked"]})  # fmt: skip
    look_at(axes, torch.cat([anchors, moved]))


EXERCISE = Exercise(
    title="Box coding",
    functions=[encode_deltas, decode_deltas],
    tests=[
        worked("encode: one number at a time", 2, plain(ENCODED), "fits already", "too far left",
               "half as wide"),
        worked("encode: all four, or no box", 1, plain(ENCODED), "all four", "none"),
        worked("decode: one number at a time", 2, plain(CASES), "fits already", "too far left",
               "too wide", function="decode_deltas"),
        worked("decode: all four, and too much", 2, plain(CASES), "down, and twice as high",
               "a cell as anchor", "clamped", "none", function="decode_deltas"),
        hidden("encode: many pairs", 2, pairs),
        hidden("encode: small anchors, far away", 1, far_pairs),
        hidden("decode: many", 2, moves, function="decode_deltas"),
        hidden("decode: around the clamp", 1, huge_growths, function="decode_deltas"),
    ],
    mistakes={
        "encode_deltas": {
            **without_weights({
                hint: wrong for hint, wrong in MISTAKES_WITH_ENCODED.items()
                if "weights" not in hint
            }),
            "dx and dy go from centre to centre, not from corner to corner": (
                lambda boxes, anchors: left_corners_moved(boxes, anchors, ONES)
            ),
        },
        "decode_deltas": without_weights({
            hint: wrong for hint, wrong in MISTAKES.items()
            if "weights" not in hint and "class" not in hint
        }),
    },
    prepare=lambda first, anchors: (boxes_tensor(first), boxes_tensor(anchors)),
    tolerance=(1e-5, 1e-4),
    line_budget=24,
    example=([[25, 10, 65, 50]], [[10, 10, 50, 30]]),
    draw={"encode_deltas": draw_encoded, "decode_deltas": draw_decoded},
)  # fmt: skip

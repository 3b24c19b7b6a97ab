"""Worked examples of box coding.

CASES: (deltas, anchors, weights) -> boxes. ENCODED: (boxes, anchors, weights) -> deltas. Logarithms
are not exact in float32: compare to 1e-4.
"""

import math

from edudet.cases.case import Case

ONES = (1, 1, 1, 1)
CLAMP = math.log(1000 / 16)
PROPOSAL = [0, 0, 100, 50]

CASES = [
    Case("none", ([], [], ONES), []),
    Case("fits already", ([[0, 0, 0, 0]], [PROPOSAL], ONES), [PROPOSAL]),
    Case("too far left", ([[0.25, 0, 0, 0]], [PROPOSAL], ONES), [[25, 0, 125, 50]],
         "a quarter of the width"),
    Case("too wide", ([[0, 0, -0.125, 0]], [PROPOSAL], ONES), [[5.8752, 0, 94.1248, 50]],
         "width 100 e^-.125 = 88.2497; if sizes were linear, 87.5"),
    Case("down, and twice as high", ([[0, 0.5, 0, math.log(2)]], [[10, 20, 20, 60]], ONES),
         [[10, 20, 20, 100]], "centre 40 + 20, height 80"),
    Case("weights", ([[2.5, 5, 5 * math.log(2), 0]], [PROPOSAL], (10, 10, 5, 5)),
         [[-25, 25, 175, 75]], "divided by them: dx .25, dy .5, width doubled"),
    Case("a cell as anchor", ([[0.1, 0.5, math.log(0.7), math.log(1.5)]], [[100, 100, 200, 200]],
         ONES), [[125, 125, 195, 275]], "centre (.1, .5) from the centre, .7 x 1.5 of the size"),
    Case("two classes", ([[0.25, 0, 0, 0, 0, 0.5, 0, 0]], [PROPOSAL], ONES),
         [[25, 0, 125, 50, 0, 25, 100, 75]]),
    Case("clamped", ([[0, 0, 50, -50]], [[0, 0, 16, 16]], ONES), [[-492, 8, 508, 8]],
         "an anchor of 16 grows to 1000, not to 16 e^50; a box may shrink to nothing"),
]

ENCODED = [
    Case("none", ([], [], ONES), []),
    Case("fits already", ([PROPOSAL], [PROPOSAL], ONES), [[0, 0, 0, 0]]),
    Case("too far left", ([[25, 0, 125, 50]], [PROPOSAL], ONES), [[0.25, 0, 0, 0]],
         "positive: the anchor must move right"),
    Case("half as wide", ([[25, 0, 75, 50]], [PROPOSAL], ONES), [[0, 0, -math.log(2), 0]]),
    Case("all four", ([[10, 40, 30, 50]], [[0, 0, 10, 20]], ONES),
         [[1.5, 1.75, math.log(2), -math.log(2)]], "centres (20, 45) and (5, 10)"),
    Case("weights", ([[25, 25, 125, 75]], [PROPOSAL], (10, 10, 5, 5)), [[2.5, 5, 0, 0]]),
]


def _measures(box):
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _encoded(change):
    def encode(boxes, anchors, weights):
        return [
            change(_measures(box), _measures(anchor), weights)
            for box, anchor in zip(boxes, anchors, strict=True)
        ]

    return encode


def _right(box, anchor, weights=ONES):
    deltas = [
        (box[0] - anchor[0]) / anchor[2], (box[1] - anchor[1]) / anchor[3],
        math.log(box[2] / anchor[2]), math.log(box[3] / anchor[3]),
    ]
    return [delta * weight for delta, weight in zip(deltas, weights, strict=True)]


def _decoded(
    order=lambda *deltas: deltas, grow=math.exp, clamp=CLAMP, origin="centre", divide=True,
    classes=True,
):
    """decode_deltas with one part exchanged."""
    def decode(deltas, anchors, weights):
        boxes = []
        for row, anchor in zip(deltas, anchors, strict=True):
            cx, cy, width, height = _measures(anchor)
            box = []
            for k in range(0, len(row) if classes else 4, 4):
                dx, dy, dw, dh = order(
                    *(d / w if divide else d for d, w in zip(row[k : k + 4], weights, strict=True))
                )
                w, h = width * grow(min(dw, clamp)), height * grow(min(dh, clamp))
                x, y = cx + dx * width, cy + dy * height
                if origin != "centre":
                    x, y = anchor[0] + dx * width, anchor[1] + dy * height
                if origin == "both corners":
                    x, y = x + w / 2, y + h / 2
                box += [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
            boxes.append(box)
        return boxes

    return decode


# Plausible errors and the hint each deserves. A test proves that CASES catch them all.
MISTAKES = {
    "dh before dw: some slides have this order": _decoded(lambda x, y, w, h: (x, y, h, w)),
    "y before x": _decoded(lambda x, y, w, h: (y, x, w, h)),
    "the sign: the anchor moves towards the box": _decoded(lambda x, y, w, h: (-x, -y, w, h)),
    "sizes are linear, 1 + dw; they are logarithms": _decoded(grow=lambda d: 1 + d),
    "no clamp: e^50 pixels": _decoded(clamp=math.inf),
    "the upper left corner moves; it is the centre that does": _decoded(origin="both corners"),
    "the centre counts from the anchor's corner, not from its centre": _decoded(origin="corner"),
    "the weights are left out": _decoded(divide=False),
    "only the first class is decoded": _decoded(classes=False),
}
MISTAKES_WITH_ENCODED = {
    "the sign: from the anchor to the box": _encoded(lambda b, a, w: _right(a, b, w)),
    "divided by the size of the box, not of the anchor": _encoded(
        lambda b, a, w: [(b[0] - a[0]) / b[2], (b[1] - a[1]) / b[3], *_right(b, a, w)[2:]]
    ),
    "in pixels: not divided by the anchor's size": _encoded(
        lambda b, a, w: [b[0] - a[0], b[1] - a[1], *_right(b, a, w)[2:]]
    ),
    "sizes without a logarithm": _encoded(
        lambda b, a, w: [*_right(b, a, w)[:2], b[2] / a[2] - 1, b[3] / a[3] - 1]
    ),
    "dh before dw: some slides have this order": _encoded(
        lambda b, a, w: [_right(b, a, w)[i] for i in (0, 1, 3, 2)]
    ),
    "divided by the weights; decoding divides": _encoded(
        lambda b, a, w: _right(b, a, [1 / weight for weight in w])
    ),
}

"""Exercise: scores of poses: PCK, PCKh, PDJ."""

import math

import numpy
import torch

from edudet.cases.case import Case
from edudet.cases.metrics.pose import CASES, CASES_OF_PCKH, CASES_OF_PDJ, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.metrics import pck as library_pck
from edudet.metrics import pckh as library_pckh
from edudet.metrics import pdj as library_pdj


def pck(gt_keypoints, keypoints, reference_lengths, fraction, visible):
    """Return the share of the joints that are at most fraction * reference length off.

    gt_keypoints, keypoints: (N, K, 2) float32, x, y of K joints of N people, true and predicted; a
    prediction may be NaN: a joint that was not found, and is wrong. N may be 0.
    reference_lengths: (N,) float32; NaN: this person does not count.
    visible: (N, K) int64; joints with 0 do not count, those with 1 or 2 do.

    Returns a float in [0, 1], all joints of all people taken together; NaN if none counts.
    """
    return library_pck(gt_keypoints, keypoints, reference_lengths, fraction, visible).float()


def pckh(gt_keypoints, keypoints, head_boxes, fraction, visible):
    """Return PCK with the size of the head: 0.6 times the diagonal of its box.

    head_boxes: (N, 4) float32, (x1, y1, x2, y2). The rest as in `pck`.
    """
    return library_pckh(gt_keypoints, keypoints, head_boxes, fraction, visible).float()


def pdj(gt_keypoints, keypoints, left_shoulder, right_hip, fraction, visible):
    """Return PCK with the diameter of the torso: the true distance of two joints.

    left_shoulder, right_hip: ints, which of the K joints these are. A person of whom one of the two
    is not visible does not count. The rest as in `pck`.
    """
    return library_pdj(
        gt_keypoints, keypoints, left_shoulder, right_hip, fraction, visible
    ).float()


def all_visible(truth):
    return [[2] * len(joints) for joints in truth]


def with_visibility(cases):
    """The cases with `visible` written out."""
    return [
        Case(c.name, (*c.args[:-1], c.args[-1] or all_visible(c.args[0])), None) for c in cases
    ]


PCK = with_visibility(CASES)
FLAT_HEAD = [0, 0, 24, 7]  # its diagonal is 25
PCKH = [
    *(Case(c.name, (*c.args, all_visible(c.args[0])), None) for c in CASES_OF_PCKH),
    Case("a flat head", ([[[0, 0]]], [[[9, 0]]], [FLAT_HEAD], 0.5, [[2]]), None),
    Case("a flat head, nearer", ([[[0, 0]]], [[[7.25, 0]]], [FLAT_HEAD], 0.5, [[2]]), None),
]
PDJ = [
    Case(c.name, (*c.args[:2], 0, 1, *c.args[2:]), None) for c in with_visibility(CASES_OF_PDJ)
]


def people(random, n, k):
    """True joints, predictions some pixels off or not found, and what is visible."""
    truth = random.integers(0, 64, (n, k, 2))
    found = (truth + random.integers(-9, 10, (n, k, 2))).astype(float)
    found[random.random((n, k)) < 0.1] = math.nan
    visible = random.choice([0, 1, 2], (n, k), p=[0.2, 0.3, 0.5])
    return truth.tolist(), found.tolist(), visible.tolist()


def crowd(random):
    truth, found, visible = people(random, 4, 7)
    lengths = random.choice([8.0, 16, 24, 32, math.nan], 4).tolist()
    return truth, found, lengths, float(random.choice([0.25, 0.5])), visible


def on_the_limit(random):
    """3, 4, 5 and 5, 12, 13 triangles: many joints are exactly as far off as allowed."""
    steps = numpy.array([[3, 4], [-4, 3], [5, 12], [12, -5], [6, 8], [0, 5], [5, 5], [0, 0]])
    truth = random.integers(0, 64, (3, 6, 2))
    found = truth + steps[random.integers(0, len(steps), (3, 6))]
    lengths = random.choice([10, 20, 26], 3).tolist()
    return truth.tolist(), found.tolist(), lengths, 0.5, all_visible(truth.tolist())


def few_people(random):
    n = int(random.integers(0, 3))
    truth, found, visible = people(random, n, 3)
    return truth, found, [16.0] * n, 0.5, visible


def heads(random):
    """No joint is so nearly on its limit that rounding of 0.6 could decide."""
    while True:
        truth, found, visible = people(random, 4, 6)
        boxes = random_boxes(random, 4, 32, smallest=8)
        lengths = torch.tensor(head_lengths(boxes))[:, None]
        distances = (torch.tensor(found) - torch.tensor(truth)).norm(dim=2)
        if not ((distances - 0.5 * lengths).abs() < 1e-3).any():
            return truth, found, boxes, 0.5, visible


def torsos(random):
    truth, found, visible = people(random, 4, 6)
    shoulder, hip = random.permutation(6)[:2].tolist()
    return truth, found, shoulder, hip, 0.25, visible


def head_lengths(boxes):
    return [0.6 * math.hypot(x2 - x1, y2 - y1) for x1, y1, x2, y2 in boxes]


def torso_lengths(truth, shoulder, hip, visible):
    return [
        math.dist(joints[shoulder], joints[hip]) if flags[shoulder] and flags[hip] else math.nan
        for joints, flags in zip(truth, visible, strict=True)
    ]


def measured(lengths_of):
    """PCK of right distances, with lengths of the mistake's own."""
    def score(truth, found, *rest):
        *lengths_from, fraction, visible = rest
        lengths = lengths_of(truth, found, visible, *lengths_from)
        return pck(*prepare(truth, found, lengths, fraction, visible))

    return score


def wrong_limit(lengths_of):
    """The strict comparison, with the right lengths."""
    def score(truth, found, *rest):
        *lengths_from, fraction, visible = rest
        lengths = lengths_of(truth, found, visible, *lengths_from)
        strict = MISTAKES["a joint exactly on the limit is right"]
        return strict(truth, found, lengths, fraction, visible)

    return score


def prepare(truth, found, lengths, fraction, visible):
    return (*poses(truth, found), torch.tensor(lengths, dtype=torch.float32), fraction,
            flags(truth, visible))  # fmt: skip


def poses(*joints):
    return tuple(
        torch.tensor(part, dtype=torch.float32).reshape(len(part), -1, 2)
        if part else torch.zeros(0, 3, 2) for part in joints
    )  # fmt: skip


def flags(truth, visible):
    return torch.tensor(visible, dtype=torch.int64).reshape(len(truth), -1 if truth else 3)


def draw(axes, case, result):
    """True joints with the circle in which they count as found, and the predictions."""
    from edudet.draw import COLOURS

    truth, found, lengths, fraction, visible = case
    for joints, points, length, seen in zip(truth, found, lengths, visible, strict=True):
        for (x, y), (px, py), flag in zip(joints, points, seen, strict=True):
            if not flag or math.isnan(length):
                continue
            right = math.dist((x, y), (px, py)) <= fraction * length
            colour = COLOURS["kept" if right else "dropped"]
            turn = numpy.linspace(0, 2 * math.pi, 60)
            circle = fraction * length * numpy.stack([numpy.cos(turn), numpy.sin(turn)])
            axes.plot(x + circle[0], y + circle[1], color=COLOURS["faint"])
            axes.plot([x, px], [y, py], color=colour)
            axes.plot(px, py, "x", color=colour, markersize=8)
            axes.plot(x, y, "o", color=COLOURS["truth"])
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_xlabel(f"share of right joints: {float(result):.3g}")


def draw_heads(axes, case, result):
    draw(axes, (*case[:2], head_lengths(case[2]), *case[3:]), result)


def draw_torsos(axes, case, result):
    truth, found, shoulder, hip, fraction, visible = case
    lengths = torso_lengths(truth, shoulder, hip, visible)
    draw(axes, (truth, found, lengths, fraction, visible), result)


EXERCISE = Exercise(
    title="Scores of poses",
    functions=[pck, pckh, pdj],
    tests=[
        worked("PCK: near enough", 2, PCK, "exact", "near enough", "too far", "exactly as far",
               "one of two", "to each his length", "fraction 0"),
        worked("PCK: what counts", 2, PCK, "invisible", "occluded counts", "not found",
               "joints, not people", "a person without length", "none visible", "nobody"),
        worked("PCKh", 1, PCKH, function="pckh"),
        worked("PDJ", 1, PDJ, function="pdj"),
        hidden("PCK: a crowd", 2, crowd),
        hidden("PCK: on the limit", 1, on_the_limit),
        hidden("PCK: few people", 1, few_people, calls=8),
        hidden("PCKh: heads", 1, heads, function="pckh"),
        hidden("PDJ: torsos", 2, torsos, function="pdj"),
    ],
    mistakes={
        "pck": MISTAKES,
        "pckh": {
            "the size of the head is 0.6 times the diagonal, not all of it": measured(
                lambda truth, found, visible, boxes: [x / 0.6 for x in head_lengths(boxes)]
            ),
            "the diagonal of the head's box, not its width": measured(
                lambda truth, found, visible, boxes: [0.6 * (x2 - x1) for x1, _, x2, _ in boxes]
            ),
            "the diagonal is the root of width² + height², not width + height": measured(
                lambda truth, found, visible, boxes: [
                    0.6 * (x2 - x1 + y2 - y1) for x1, y1, x2, y2 in boxes
                ]
            ),
            "a joint exactly on the limit is right": wrong_limit(
                lambda truth, found, visible, boxes: head_lengths(boxes)
            ),
        },
        "pdj": {
            "the true torso measures, not the predicted one": measured(
                lambda truth, found, visible, shoulder, hip: torso_lengths(
                    found, shoulder, hip, visible
                )
            ),
            "a person without visible shoulder or hip does not count": measured(
                lambda truth, found, visible, shoulder, hip: torso_lengths(
                    truth, shoulder, hip, all_visible(truth)
                )
            ),
            "a joint exactly on the limit is right": wrong_limit(
                lambda truth, found, visible, shoulder, hip: torso_lengths(
                    truth, shoulder, hip, visible
                )
            ),
        },
    },
    prepare={
        "pck": prepare,
        "pckh": lambda truth, found, boxes, fraction, visible: (
            *poses(truth, found), boxes_tensor(boxes), fraction, flags(truth, visible)
        ),
        "pdj": lambda truth, found, shoulder, hip, fraction, visible: (
            *poses(truth, found), shoulder, hip, fraction, flags(truth, visible)
        ),
    },
    tolerance=(1e-5, 1e-6),
    line_budget=20,
    example=([[[10, 10], [30, 12], [14, 40]], [[60, 14], [68, 16], [61, 26]]],
             [[[13, 14], [30, 4], [18, 37]], [[63, 14], [68, 16], [64, 29]]], [20, 10], 0.25,
             [[2, 2, 1], [2, 2, 2]]),
    draw={"pck": draw, "pckh": draw_heads, "pdj": draw_torsos},
)  # fmt: skip

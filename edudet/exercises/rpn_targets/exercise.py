"""Exercise: what a region proposal network should say. The order of the draw is given, so that one
answer is right."""

import torch

from edudet.cases.case import Case
from edudet.cases.targets.rpn_targets import CASES, FAR, GT, MISTAKES, _targets, drawn
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.targets import match_anchors
from edudet.targets import rpn_targets as library_targets


def rpn_targets(
    anchors, gt_boxes, order, positive_threshold, negative_threshold, size, positive_fraction
):
    """Label a sample of the anchors, and say how the positive ones must move.

    anchors: (A, 4) float32, gt_boxes: (G, 4) float32; (x1, y1, x2, y2) in pixels, every side longer
    than 0. A or G may be 0.
    order: (A,) int64; the numbers 0 to A - 1, shuffled, as in `sample_balanced`.
    positive_threshold, negative_threshold: for `match_anchors`.
    size, positive_fraction: for `sample_balanced`.

    Returns three tensors: labels (A,) int64, 1 for an object, 0 for background, -1 for what is not
    drawn; deltas (A, 4) float32, from the anchor to its object, 0 where the label is not 1; and
    gt_indices (A,) int64, the object, -1 where the label is not 1.
    """
    thresholds = positive_threshold, negative_threshold
    every = library_targets(anchors, gt_boxes, *thresholds, len(anchors), 1.0)
    labels = match_anchors(anchors, gt_boxes, *thresholds).labels.tolist()
    positive, negative = drawn(labels, size, positive_fraction, order.tolist())
    is_drawn = torch.zeros(len(anchors), dtype=torch.bool)
    is_drawn[positive + negative] = True
    return (
        every.labels.where(is_drawn, -1), every.deltas.where(is_drawn[:, None], 0),
        every.gt_indices.where(is_drawn, -1),
    )  # fmt: skip


def in_order(cases):
    """The cases without crowds, drawn from the last anchor to the first."""
    return [
        Case(case.name, (*case.args[:2], list(range(len(case.args[0])))[::-1], *case.args[2:]),
             None)
        for case in cases if len(case.args) == 6
    ]  # fmt: skip


WORKED = [
    *in_order(CASES),
    Case("half at most", ([GT, FAR, [0, 0, 10, 9], FAR, [1, 0, 10, 10], FAR], [GT],
                          [2, 5, 0, 1, 4, 3], 0.75, 0.25, 4, 0.5), None),
]  # fmt: skip


def scene(random, n, objects, size, fraction=0.5, moved=2):
    """Anchors of which a third is an object that was moved a little."""
    truth = random_boxes(random, objects, 40, smallest=6)
    near = [
        [side + int(random.integers(-1, 2)) for side in truth[int(random.integers(objects))]]
        for _ in range(n // 3 if objects else 0)
    ]
    anchors = near + random_boxes(random, n - len(near), 40, smallest=moved)
    anchors = [anchors[i] for i in random.permutation(n)]
    return anchors, truth, random.permutation(n).tolist(), 0.5, 0.25, size, fraction


def street(random):
    return scene(random, 36, 4, 16)


def few_places(random):
    return scene(random, 30, 3, int(random.choice([3, 5, 6])), float(random.choice([0.25, 0.5])))


def more_places_than_anchors(random):
    return scene(random, 24, 3, 64)


def small_objects(random):
    """Objects that no anchor covers well: positive are their best anchors only."""
    truth = random_boxes(random, 4, 48)
    anchors = random_boxes(random, 24, 48, smallest=16)
    return anchors, truth, random.permutation(24).tolist(), 0.875, 0.125, 16, 0.5


def few_or_none(random):
    n, objects = random.integers(0, 4, 2).tolist()
    return scene(random, n, objects, 2)


def with_order(mistake):
    """A mistake of the cases, with the order where the exercise has it."""
    return lambda anchors, truth, order, *rest: mistake(anchors, truth, *rest, (), order)


def in_place(mistake):
    return lambda anchors, truth, order, *rest: mistake(anchors, truth, *rest)


def draw(axes, case, result):
    """Objects thick, drawn anchors with their labels, an arrow for each move."""
    from edudet.draw import COLOURS, draw_boxes, look_at

    anchors, truth = boxes_tensor(case[0]), boxes_tensor(case[1])
    labels, deltas, _ = (torch.as_tensor(part) for part in result)
    draw_boxes(axes, truth, "truth", width=4, alpha=0.6)
    for label, colour in ((-1, "faint"), (0, "dropped"), (1, "kept")):
        chosen = (labels == label).nonzero().flatten()
        draw_boxes(axes, anchors[chosen], colour, dashed=label != 1)
        for i in chosen.tolist():
            x1, y1, x2, y2 = anchors[i].tolist()
            what = {1: "object", 0: "background", -1: "not drawn"}[label]
            axes.text((x1 + x2) / 2, y2 - 0.5, f"{i}: {what}", ha="center", va="bottom", fontsize=7)
            if label == 1:
                dx, dy = deltas[i, :2].tolist()
                centre = (x1 + x2) / 2, (y1 + y2) / 2
                end = centre[0] + dx * (x2 - x1), centre[1] + dy * (y2 - y1)
                axes.annotate("", end, centre, arrowprops={
                    "arrowstyle": "->", "color": COLOURS["marked"], "linewidth": 2})  # fmt: skip
    look_at(axes, torch.cat([anchors, truth]))


EXERCISE = Exercise(
    title="What a proposal network should say",
    functions=[rpn_targets],
    tests=[
        worked("one object", 2, WORKED, "object, between, none", "too far left", "fits already",
               "the best is below the threshold"),
        worked("several objects, or none", 2, WORKED, "three objects", "no objects", "no anchors",
               "best for one, but nearer to another"),
        worked("the draw", 2, WORKED, "half at most", "no place for positives",
               "nothing is drawn", "background fills up"),
        hidden("a street", 3, street),
        hidden("few places in the sample", 2, few_places),
        hidden("more places than anchors", 1, more_places_than_anchors),
        hidden("small objects", 2, small_objects),
        hidden("few anchors, few objects", 1, few_or_none, calls=10),
    ],
    mistakes={
        **{hint: with_order(wrong) for hint, wrong in MISTAKES.items()},
        "drawn are those that come first in `order`, not the first anchors": in_place(_targets()),
    },
    prepare=lambda anchors, truth, order, *rest: (
        boxes_tensor(anchors), boxes_tensor(truth), torch.tensor(order, dtype=torch.int64), *rest
    ),
    tolerance=(1e-5, 1e-5),
    given=["matching.match_anchors", "sampling.sample_balanced", "deltas.encode_deltas"],
    line_budget=16,
    example=([[2, 2, 22, 22], [8, 6, 20, 34], [34, 2, 48, 16], [30, 20, 50, 36], [52, 22, 66, 36]],
             [[4, 4, 26, 22], [30, 22, 48, 36]], [4, 3, 0, 1, 2], 0.5, 0.25, 3, 0.5),
    draw=draw,
)  # fmt: skip

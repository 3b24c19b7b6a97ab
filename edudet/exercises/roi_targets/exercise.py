"""Exercise: what the second stage should say. The order of the draw is given, so that one answer is
right."""

import torch

from edudet.boxes import decode_deltas
from edudet.cases.case import Case
from edudet.cases.targets.roi_targets import (
    CASES,
    FAR,
    GT,
    HALF,
    MISTAKES,
    WEIGHTS,
    _targets,
    drawn,
)
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.targets import roi_targets as library_targets


def roi_targets(proposals, gt_boxes, gt_labels, order, size, positive_fraction, background_from):
    """Draw a sample of the proposals, and give each its class, its deltas and its object.

    proposals: (P, 4) float32, gt_boxes: (G, 4) float32; (x1, y1, x2, y2) in pixels, every side
    longer than 0. P or G may be 0. The ground truth joins the proposals, behind them.
    gt_labels: (G,) int64, the classes of the objects, 1 or more.
    order: (P + G,) int64; the numbers 0 to P + G - 1, shuffled, as in `sample_balanced`.
    size, positive_fraction: for `sample_balanced`.
    background_from: the best IoU of background, at least; in [0, 1/2].

    Returns four tensors with a row for each RoI that is drawn, the positive ones first, both parts
    in the order of the proposals: rois (R, 4) float32; labels (R,) int64, the class, 0 for
    background; deltas (R, 4) float32, times (10, 10, 5, 5), 0 for background; gt_indices (R,)
    int64, the object, -1 for background.
    """
    every = torch.cat([proposals, gt_boxes])
    options = {"background_from": background_from, "append_gt": False}
    kinds = []
    for i in range(len(every)):  # each on its own: the library does not say whom it left out
        alone = library_targets(every[i : i + 1], gt_boxes, gt_labels, 1, 1.0, **options).labels
        kinds.append(min(int(alone[0]), 1) if len(alone) else -1)
    positive, negative = drawn(kinds, size, positive_fraction, order.tolist())
    chosen = [*sorted(positive), *sorted(negative)]
    return tuple(library_targets(every[chosen], gt_boxes, gt_labels, len(chosen), 1.0, **options))


def in_order(cases):
    """The cases at a threshold of 1/2 without crowds, drawn from the last to the first."""
    found = []
    for case in cases:
        proposals, truth, classes, size, fraction, high, low, *rest = case.args
        order = list(range(len(proposals) + len(truth)))[::-1]
        if high == 0.5 and len(rest) == 1:
            args = proposals, truth, classes, order, size, fraction, low
            found.append(Case(case.name, args, None))
    return found


WORKED = [
    *in_order(CASES),
    Case("half of four", ([FAR, HALF, FAR, [0, 0, 10, 8], FAR, GT], [GT], [5],
                          [6, 2, 5, 1, 0, 3, 4], 4, 0.5, 0.0), None),
]  # fmt: skip


def scene(random, n, objects, size, fraction=0.25, background_from=0.0):
    """Proposals of which a half is an object that was moved a little."""
    truth = random_boxes(random, objects, 40, smallest=6)
    near = [
        [side + int(random.integers(-2, 3)) for side in truth[int(random.integers(objects))]]
        for _ in range(n // 2 if objects else 0)
    ]
    proposals = near + random_boxes(random, n - len(near), 40)
    proposals = [proposals[i] for i in random.permutation(n)]
    classes = random.integers(1, 9, objects).tolist()
    order = random.permutation(n + objects).tolist()
    return proposals, truth, classes, order, size, fraction, background_from


def street(random):
    return scene(random, 24, 4, 16)


def hard_background(random):
    return scene(random, 20, 3, 16, 0.25, float(random.choice([0.0625, 0.125, 0.25])))


def many_objects(random):
    return scene(random, 16, 7, 12, 0.5)


def halves_of_objects(random):
    """Proposals that are 1 to 8 eighths of an object: IoUs on both limits."""
    truth = [[x, y, x + 8, y + side] for x, y, side in random.integers(1, 24, (2, 3)).tolist()]
    eighths = [*random.integers(1, 9, 8).tolist(), 4, 1]
    proposals = [
        [x1, y1, x1 + n, y2] for n, (x1, y1, _, y2) in zip(eighths, truth * 5, strict=True)
    ]
    classes = random.integers(1, 5, 2).tolist()
    return proposals, truth, classes, random.permutation(12).tolist(), 8, 0.5, 0.125


def few_or_none(random):
    n, objects = random.integers(0, 4, 2).tolist()
    return scene(random, n, objects, 4, 0.5)


def with_order(mistake, placed=True):
    """A mistake of the cases, called with the order where the exercise has it."""
    def targets(proposals, truth, classes, order, size, fraction, low):
        chance = order if placed else None
        return mistake(proposals, truth, classes, size, fraction, 0.5, low, True, (), chance)

    return targets


MOST_TOLD = 6  # rows below a picture


def draw(axes, case, result):
    """Objects thick, what is drawn with its number, an arrow to where it moves; below, the rows."""
    from edudet.draw import draw_boxes, draw_moves, look_at

    truth, rois = boxes_tensor(case[1]), boxes_tensor(torch.as_tensor(result[0]).tolist())
    deltas = torch.as_tensor(result[2], dtype=torch.float32).reshape(-1, 4)
    labels, objects = (torch.as_tensor(part).tolist() for part in (result[1], result[3]))
    numbers = {tuple(box): i for i, box in enumerate([*case[0], *case[1]])}
    draw_boxes(axes, boxes_tensor(case[0]), "faint", dashed=True)
    draw_boxes(axes, truth, "truth", width=4, alpha=0.6)
    moved = deltas.any(1)
    draw_moves(axes, rois[moved], decode_deltas(deltas[moved], rois[moved], WEIGHTS), "second")
    told = []
    for roi, label, j, row in zip(rois, labels, objects, deltas.tolist(), strict=True):
        draw_boxes(axes, roi[None], "kept" if label else "dropped", dashed=not label)
        x1, y1, x2, y2 = roi.tolist()
        number = numbers.get((x1, y1, x2, y2), "?")
        axes.annotate(f"{number}", (x2, y2), (-3, 3), textcoords="offset points", ha="right",
                      fontsize=8)  # fmt: skip
        moves = ", ".join(f"{value:.3g}" for value in row)
        told.append(f"{number}: class {label}, object {j}, deltas {moves}")
    rest = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
    axes.set_xlabel("\n".join(told[:MOST_TOLD] + rest), multialignment="left", fontsize=7.5)
    look_at(axes, torch.cat([boxes_tensor(case[0]), truth]))


EXERCISE = Exercise(
    title="What the second stage should say",
    functions=[roi_targets],
    tests=[
        worked("object and background", 2, WORKED, "object and background", "positive ones first",
               "the ground truth joins", "the class of its object"),
        worked("background that is hard, and the draw", 2, WORKED, "hard background only",
               "half of four", "no place for positives", "two equally near"),
        worked("nothing there", 1, WORKED, "no objects", "no proposals", "nothing at all"),
        hidden("a street", 3, street),
        hidden("hard background", 2, hard_background),
        hidden("on the limits", 2, halves_of_objects),
        hidden("many objects", 2, many_objects),
        hidden("few proposals, few objects", 1, few_or_none, calls=10),
    ],
    mistakes={
        **{hint: with_order(wrong) for hint, wrong in MISTAKES.items()},
        "drawn are those that come first in `order`, not the first proposals": with_order(
            _targets(), placed=False
        ),
    },
    prepare=lambda proposals, truth, classes, order, *rest: (
        boxes_tensor(proposals), boxes_tensor(truth), torch.tensor(classes, dtype=torch.int64),
        torch.tensor(order, dtype=torch.int64), *rest,
    ),
    tolerance=(1e-5, 1e-4),
    given=["box_iou", "sampling.sample_balanced", "deltas.encode_deltas"],
    line_budget=24,
    example=([[2, 2, 20, 22], [8, 12, 26, 34], [34, 2, 48, 16], [28, 20, 46, 36], [52, 20, 66, 36]],
             [[4, 4, 26, 22], [30, 22, 48, 36]], [3, 7], [4, 3, 1, 0, 2, 5, 6], 6, 0.5, 0.0625),
    draw=draw,
)  # fmt: skip

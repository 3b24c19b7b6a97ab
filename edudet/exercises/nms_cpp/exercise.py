"""Exercise: non-maximum suppression, in C++."""

import numpy
import torch

from edudet.cases.ops.nms import CASES, MISTAKES
from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.course.material import boxes_tensor, draw_kept_boxes
from edudet.exercises.nms.exercise import crowd, equal_scores, exactly_half, sparse_or_none
from edudet.ops import nms

NO_INDEX = 1 << 32  # what `keep` holds before: whoever follows it leaves the array of boxes


def pack(boxes, scores, iou_threshold):
    keep = numpy.full(len(boxes), NO_INDEX, numpy.int64)
    return [boxes, scores, len(boxes), float(iou_threshold), keep]


def read(outputs, num_kept):
    """Of more indices than there is room for, or fewer than none, all that were written."""
    keep = outputs[0]
    return keep[:num_kept] if 0 <= num_kept <= len(keep) else numpy.append(keep, num_kept)


def draw(axes, case, result):
    names = [f"{chr(65 + i)} {score:.3g}" for i, score in enumerate(case[1])]
    draw_kept_boxes(axes, boxes_tensor(case[0]), names, [int(i) for i in result])
    axes.set_title("keep: " + ", ".join(str(int(i)) for i in result))


EXERCISE = Exercise(
    title="Non-maximum suppression, in C++",
    functions=[nms],
    language="cpp",
    compiled=Compiled(pack, outputs=[4], read=read, returns=True),
    tests=[
        worked("one object or two", 2, CASES, "one", "two apart", "duplicate", "none"),
        worked("five boxes by hand", 3, CASES, "by hand", "a dropped box suppresses nobody"),
        worked("on the threshold", 1, CASES, "exactly on the threshold", "just above",
               "threshold 1", "threshold 0"),
        worked("unusual boxes and scores", 1, CASES, "empty boxes", "negative scores",
               "negative corner", "tall and wide", "inside a larger one", "equal scores"),
        hidden("a crowd", 3, crowd),
        hidden("equal scores", 2, equal_scores),
        hidden("exactly half covered", 1, exactly_half),
        hidden("few overlaps", 1, sparse_or_none),
    ],
    mistakes=MISTAKES,
    prepare=lambda boxes, scores, threshold: (
        boxes_tensor(boxes), torch.tensor(scores, dtype=torch.float32), threshold
    ),
    line_budget=35,
    example=next(case.args for case in CASES if case.name == "by hand"),
    draw=draw,
)  # fmt: skip

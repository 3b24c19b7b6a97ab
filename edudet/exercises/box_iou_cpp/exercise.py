"""Exercise: the IoU of every pair, in C++."""

import numpy

from edudet.cases.ops.box_iou import CASES, MISTAKES
from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.exercises.box_iou.exercise import (
    far_below_zero,
    many,
    one_against_many,
    with_empty_ones,
)
from edudet.ops import box_iou


def pack(boxes1, boxes2):
    out = numpy.full((len(boxes1), len(boxes2)), numpy.nan, numpy.float32)
    return [boxes1, len(boxes1), boxes2, len(boxes2), out]


EXERCISE = Exercise(
    title="Intersection over union, in C++",
    functions=[box_iou],
    language="cpp",
    compiled=Compiled(pack, outputs=[4], read=lambda outputs, returned: outputs[0]),
    tests=[
        worked("overlapping boxes", 2, CASES, "identical", "half covered", "quarter shift",
               "corner to corner"),
        worked("boxes apart, inside, crossing", 2, CASES, "half covered", "touching",
               "diagonally apart", "inside", "tall and wide", "negative corner"),
        worked("more than one pair, and 0 / 0", 1, CASES, "2 x 1 pairs", "empty box"),
        hidden("many boxes", 2, many),
        hidden("one against many", 1, one_against_many),
        hidden("empty boxes among others", 1, with_empty_ones),
        hidden("negative coordinates", 1, far_below_zero),
    ],
    mistakes=MISTAKES,
    prepare=lambda boxes1, boxes2: (boxes_tensor(boxes1), boxes_tensor(boxes2)),
    tolerance=(1e-6, 1e-6),
    line_budget=18,
    example=([[0, 0, 4, 4], [1, 1, 3, 3]], [[2, 0, 6, 4], [0, 0, 4, 4], [6, 6, 8, 8]]),
)  # fmt: skip

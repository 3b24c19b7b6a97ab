"""Exercise: the IoU of every pair, in CUDA."""

import numpy

from edudet.cases.case import Case
from edudet.cases.ops.box_iou import CASES, MISTAKES
from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.course.material import boxes_tensor, random_boxes
from edudet.exercises.box_iou.exercise import (
    far_below_zero,
    one_against_many,
    with_empty_ones,
)
from edudet.ops import box_iou


def several_blocks(random):
    """More boxes than a block is wide and high, and no multiple of that."""
    return random_boxes(random, 19, 32), random_boxes(random, 37, 32)


def pack(boxes1, boxes2):
    out = numpy.full((len(boxes1), len(boxes2)), numpy.nan, numpy.float32)
    return [boxes1, len(boxes1), boxes2, len(boxes2), out]


def launch(boxes1, boxes2):
    """A thread for every pair, 16 x 16 of them in a block: x runs over boxes2, y over boxes1."""
    return [(len(boxes2) + 15) // 16, (len(boxes1) + 15) // 16], [16, 16], 0


WORKED = [*CASES, Case("19 x 37 pairs", several_blocks(numpy.random.default_rng(0)), None)]

EXERCISE = Exercise(
    title="Intersection over union, in CUDA",
    functions=[box_iou],
    language="cuda",
    compiled=Compiled(
        pack, outputs=[4], fresh=[4], read=lambda outputs, returned: outputs[0], launch=launch
    ),
    tests=[
        worked("overlapping boxes", 2, CASES, "identical", "half covered", "quarter shift",
               "corner to corner"),
        worked("boxes apart, inside, crossing", 2, CASES, "half covered", "touching",
               "diagonally apart", "inside", "tall and wide", "negative corner"),
        worked("more than one pair, and 0 / 0", 1, CASES, "2 x 1 pairs", "empty box"),
        worked("more than one block", 1, WORKED, "2 x 1 pairs", "19 x 37 pairs"),
        hidden("several blocks", 2, several_blocks),
        hidden("one against many", 1, one_against_many),
        hidden("empty boxes among others", 1, with_empty_ones),
        hidden("negative coordinates", 1, far_below_zero),
    ],
    mistakes=MISTAKES,
    prepare=lambda boxes1, boxes2: (boxes_tensor(boxes1), boxes_tensor(boxes2)),
    tolerance=(1e-6, 1e-6),
    line_budget=15,
    example=([[0, 0, 4, 4], [1, 1, 3, 3]], [[2, 0, 6, 4], [0, 0, 4, 4], [6, 6, 8, 8]]),
)  # fmt: skip

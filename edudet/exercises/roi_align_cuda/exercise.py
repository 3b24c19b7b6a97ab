"""Exercise: RoIAlign, in CUDA."""

import numpy

from edudet.cases.case import Case
from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.course.material import random_maps, random_rois
from edudet.exercises.roi_align import exercise as python
from edudet.exercises.roi_align.exercise import roi_align
from edudet.exercises.roi_align_cpp.exercise import pack

THREADS = 128  # in a block


def launch(input, boxes, output_size, spatial_scale, sampling_ratio):
    """At least a thread for each element of the result, and one block for none."""
    outputs = len(boxes) * input.shape[1] * output_size[0] * output_size[1]
    return [max(-(-outputs // THREADS), 1)], [THREADS], 0


def several_blocks(random):
    """3 * 5 * 4 * 6 = 360 results: no multiple of 128."""
    maps = random_maps(random, 2, 5, 6, 4)
    return maps, random_rois(random, 3, 2, 6, 4), (4, 6), 1.0, 1


WORKED = [
    *python.WORKED, Case("360 results", several_blocks(numpy.random.default_rng(3)), None)
]  # fmt: skip

EXERCISE = Exercise(
    title="RoIAlign, in CUDA",
    functions=[roi_align],
    language="cuda",
    compiled=Compiled(
        pack, outputs=[10], fresh=[10], read=lambda outputs, returned: outputs[0], launch=launch
    ),
    tests=[
        worked("one bin, one sample", 2, WORKED, "one cell", "between four cells"),
        worked("bins and samples", 2, WORKED, "one row of two bins", "two rows of one bin",
               "mean of four samples", "samples by size"),
        worked("strides, maps, channels", 2, WORKED, "boxes in pixels, stride 2",
               "the second image", "two boxes, two channels"),
        worked("beyond the map, and no boxes", 1, WORKED, "partly outside", "wholly outside",
               "no boxes"),
        worked("more than one block", 1, WORKED, "two boxes, two channels", "360 results"),
        hidden("several blocks", 2, several_blocks, calls=2),
        hidden("several maps", 1, python.several_maps),
        hidden("a stride", 2, python.with_a_stride),
        hidden("beyond the border", 2, python.beyond_the_border),
    ],
    mistakes=python.EXERCISE.mistakes,
    prepare=python.prepare,
    tolerance=(1e-5, 1e-5),
    line_budget=40,
    example=python.EXERCISE.example,
    draw=python.draw,
)  # fmt: skip

"""Exercise: RoIAlign, in C++."""

import numpy

from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.exercises.roi_align import exercise as python
from edudet.exercises.roi_align.exercise import WORKED, roi_align


def pack(input, boxes, output_size, spatial_scale, sampling_ratio):
    out = numpy.full((len(boxes), input.shape[1], *output_size), numpy.nan, numpy.float32)
    return [
        input, *input.shape[1:], boxes.astype(numpy.float32), len(boxes), *output_size,
        float(spatial_scale), sampling_ratio, out,
    ]  # fmt: skip


EXERCISE = Exercise(
    title="RoIAlign, in C++",
    functions=[roi_align],
    language="cpp",
    compiled=Compiled(pack, outputs=[10], read=lambda outputs, returned: outputs[0]),
    tests=[
        worked("one bin, one sample", 2, WORKED, "one cell", "between four cells"),
        worked("bins and samples", 2, WORKED, "one row of two bins", "two rows of one bin",
               "mean of four samples", "samples by size"),
        worked("strides, maps, channels", 2, WORKED, "boxes in pixels, stride 2",
               "the second image", "two boxes, two channels"),
        worked("beyond the map, and no boxes", 1, WORKED, "partly outside", "wholly outside",
               "no boxes"),
        hidden("one bin", 1, python.one_bin),
        hidden("several maps", 2, python.several_maps),
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

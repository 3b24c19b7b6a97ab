"""Exercise: RoIAlign, forward and, through autograd, backward."""

from dataclasses import replace

import torch

from edudet import ops
from edudet.cases.ops.roi_align import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import draw_roi_on_map, random_maps, random_rois

# The exercise is about what is aligned, with a number of samples that is given.
SAMPLES = {"samples by size": 3, "partly outside": 8}
WORKED = [
    replace(case, args=(*case.args[:4], SAMPLES.get(case.name, case.args[4])))
    for case in CASES
    if case.args[5] and (case.args[4] > 0 or case.name in SAMPLES)
]


def roi_align(input, boxes, output_size, spatial_scale, sampling_ratio):
    """Return the features of `input` under each box, averaged in a grid of bins.

    Args:
        input: (N, C, H, W) float32; feature maps.
        boxes: (K, 5) int64; the number of the map, then x1, y1, x2, y2 in pixels of the image.
        output_size: (rows, columns): how many bins a box is divided into.
        spatial_scale: cells of the map per pixel of the image, e.g. 1 / 16.
        sampling_ratio: how many samples a bin has along each side, 1 or more.

    Returns:
        (K, C, rows, columns) float32. Its gradient flows to `input`.
    """
    return ops.roi_align(
        input, boxes.to(input.dtype), output_size, spatial_scale, sampling_ratio, aligned=True
    )


def prepare(input, boxes, output_size, spatial_scale, sampling_ratio):
    maps, rois = torch.tensor(input, dtype=torch.float32), torch.tensor(boxes).reshape(-1, 5)
    return maps, rois.long(), output_size, spatial_scale, sampling_ratio


def one_bin(random):
    maps = random_maps(random, 1, 1, 5, 7)
    return maps, random_rois(random, 4, 1, 5, 7), (1, 1), 1.0, int(random.choice([1, 2]))


def several_maps(random):
    maps = random_maps(random, 3, 2, 6, 4)
    return maps, random_rois(random, 5, 3, 6, 4), (2, 1), 1.0, 1


def with_a_stride(random):
    maps = random_maps(random, 1, 2, 4, 6)
    return maps, random_rois(random, 3, 1, 16, 24), (2, 4), 0.25, 2


def beyond_the_border(random):
    maps = random_maps(random, 2, 1, 4, 3)
    return maps, random_rois(random, 4, 2, 4, 3, beyond=4), (4, 2), 1.0, 2


def few_bins(random):
    maps = random_maps(random, 2, 2, 4, 3)
    return maps, random_rois(random, 3, 2, 8, 6, beyond=2), (1, 2), 0.5, 2


def narrowed(mistake):
    """A mistake of the cases, for boxes that are aligned."""
    return lambda *args: mistake(*args, True)


HINTS = {
    "x and y are exchanged: a box is x first, a map is indexed y first": (
        "x and y are exchanged: a box is x first, a map is indexed y first"),
    "aligned=True shifts the box by half a cell": (
        "the half is missing: the centre of cell 0 lies at 0.5, so 0.5 is subtracted"),
    "the largest sample is taken: a bin is the mean": (
        "the largest sample is taken: a bin is the mean"),
    "points are rounded to whole cells: that is RoI pooling": (
        "points are rounded to whole cells: a sample is a mix of four cells"),
    "every box is read from the first image": (
        "every box is read from the first map: boxes[k, 0] says from which"),
    "boxes are in pixels of the image: multiply by spatial_scale": (
        "boxes are in pixels of the image: multiply by spatial_scale"),
    "output_size is (height, width)": "output_size is (rows, columns)",
    "aligned=True does not widen a box": (
        "boxes are widened to at least one cell: they stay as they are"),
    "samples outside the map count as 0 in the mean": (
        "samples outside the map are left out of the mean: they count as 0"),
}  # fmt: skip


def draw(axes, case, result):
    input, boxes, output_size, spatial_scale, sampling_ratio = case
    draw_roi_on_map(axes, input[boxes[0][0]][0], boxes[0][1:], output_size, spatial_scale,
                    sampling_ratio, result[0][0])  # fmt: skip


EXERCISE = Exercise(
    title="RoIAlign",
    functions=[roi_align],
    tests=[
        worked("one bin, one sample", 2, WORKED, "one cell", "between four cells"),
        worked("bins and samples", 2, WORKED, "one row of two bins", "two rows of one bin",
               "mean of four samples", "samples by size"),
        worked("strides, maps, channels", 2, WORKED, "boxes in pixels, stride 2",
               "the second image", "two boxes, two channels"),
        worked("beyond the map, and no boxes", 1, WORKED, "partly outside", "wholly outside",
               "no boxes"),
        worked("the gradient", 1, WORKED, "one row of two bins", "two boxes, two channels",
               gradient=True),
        hidden("one bin", 1, one_bin),
        hidden("several maps", 2, several_maps),
        hidden("a stride", 2, with_a_stride),
        hidden("beyond the border", 1, beyond_the_border),
        hidden("gradients", 1, few_bins, gradient=True),
    ],
    mistakes={text: narrowed(MISTAKES[name]) for name, text in HINTS.items()},
    prepare=prepare,
    tolerance=(1e-5, 1e-5),
    line_budget=30,
    example=(
        [[[[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15], [20, 21, 22, 23, 24, 25],
           [30, 31, 32, 33, 34, 35]]]],
        [[0, 2, 1, 10, 7]], (2, 2), 0.5, 2,
    ),
    draw=draw,
)  # fmt: skip

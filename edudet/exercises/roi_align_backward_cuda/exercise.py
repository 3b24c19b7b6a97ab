"""Exercise: the gradient of RoIAlign, in CUDA."""

import math

import numpy
import torch

from edudet import ops
from edudet.cases.case import Case
from edudet.cases.ops.roi_align import CASES_OF_BACKWARD as CASES
from edudet.cases.ops.roi_align import MISTAKES_OF_BACKWARD as MISTAKES
from edudet.course.exercise import Compiled, Exercise, hidden, worked
from edudet.course.material import draw_roi_on_map, random_rois

THREADS = 128  # in a block


def roi_align_backward(grad, boxes, shape, spatial_scale, sampling_ratio):
    """The gradient of sum(grad * roi_align(input, boxes, ...)) by an input of this shape."""
    input = torch.zeros(shape, requires_grad=True)
    out = ops.roi_align(
        input, boxes, grad.shape[2:], spatial_scale, sampling_ratio, aligned=True
    )
    return torch.autograd.grad(out, input, grad)[0]


def prepare(grad, boxes, shape, spatial_scale, sampling_ratio):
    grads = torch.tensor(grad, dtype=torch.float32)
    if not boxes:
        grads = grads.reshape(0, shape[1], 1, 1)
    rois = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 5)
    return grads, rois, shape, spatial_scale, sampling_ratio


def pack(grad, boxes, shape, spatial_scale, sampling_ratio):
    grad_input = numpy.zeros(shape, numpy.float32)
    return [
        grad, boxes, len(boxes), *grad.shape[2:], float(spatial_scale), sampling_ratio, grad_input,
        *shape,
    ]  # fmt: skip


def launch(grad, boxes, shape, spatial_scale, sampling_ratio):
    """At least a thread for each gradient, and at least one for each cell."""
    return [-(-max(grad.size, math.prod(shape)) // THREADS)], [THREADS], 0


def gradients(random, k, channels, rows, columns):
    return random.integers(-8, 9, (k, channels, rows, columns)).tolist()


def overlapping(random):
    """Many boxes on a small map: the same cells are written to again and again."""
    return gradients(random, 6, 2, 2, 1), random_rois(random, 6, 1, 4, 3), (1, 2, 4, 3), 1.0, 1


def several_maps(random):
    shape = (3, 2, 3, 5)
    return gradients(random, 5, 2, 1, 2), random_rois(random, 5, 3, 3, 5), shape, 1.0, 2


def with_a_stride(random):
    shape = (1, 2, 6, 4)
    return gradients(random, 3, 2, 4, 2), random_rois(random, 3, 1, 24, 16), shape, 0.25, 2


def beyond_the_border(random):
    shape = (2, 1, 3, 4)
    return gradients(random, 4, 1, 2, 4), random_rois(random, 4, 2, 3, 4, 4), shape, 1.0, 2


def more_gradients_than_cells(random):
    """4 * 3 * 4 * 4 = 192 gradients and 60 cells."""
    shape = (1, 3, 5, 4)
    return gradients(random, 4, 3, 4, 4), random_rois(random, 4, 1, 5, 4), shape, 1.0, 1


def more_cells_than_gradients(random):
    """300 cells and 24 gradients."""
    shape = (2, 3, 5, 10)
    return gradients(random, 2, 3, 2, 2), random_rois(random, 2, 2, 5, 10), shape, 1.0, 1


def draw(axes, case, result):
    """The first box with its gradients, and what its map receives."""
    grad, boxes, _, spatial_scale, sampling_ratio = case
    size = len(grad[0][0]), len(grad[0][0][0])
    draw_roi_on_map(axes, result[boxes[0][0]][0], boxes[0][1:], size, spatial_scale,
                    sampling_ratio, grad[0][0])  # fmt: skip


WORKED = [
    *CASES,
    Case("192 gradients", more_gradients_than_cells(numpy.random.default_rng(1)), None),
    Case("300 cells", more_cells_than_gradients(numpy.random.default_rng(2)), None),
]

EXERCISE = Exercise(
    title="The gradient of RoIAlign, in CUDA",
    functions=[roi_align_backward],
    language="cuda",
    compiled=Compiled(
        pack, outputs=[7], read=lambda outputs, returned: outputs[0], launch=launch
    ),
    tests=[
        worked("one sample", 2, WORKED, "one cell", "between four cells", "nearer to one side",
               "boxes in pixels, stride 2"),
        worked("sums", 3, WORKED, "two boxes on one cell", "one row of two bins",
               "a mean of four samples"),
        worked("maps, channels, no boxes", 1, WORKED, "the second image",
               "two boxes, two channels", "no boxes"),
        worked("beyond the map", 1, WORKED, "partly outside", "wholly outside"),
        worked("more than one block", 1, WORKED, "192 gradients", "300 cells"),
        hidden("overlapping boxes", 2, overlapping),
        hidden("several maps", 1, several_maps),
        hidden("a stride", 1, with_a_stride),
        hidden("beyond the border", 2, beyond_the_border),
        hidden("several blocks", 1, more_gradients_than_cells, calls=2),
    ],
    mistakes=MISTAKES,
    prepare=prepare,
    tolerance=(1e-5, 1e-5),
    line_budget=40,
    example=([[[[4, 8]]]], [[0, 0, 0, 4, 2]], (1, 1, 3, 4), 1.0, 1),
    draw=draw,
)  # fmt: skip

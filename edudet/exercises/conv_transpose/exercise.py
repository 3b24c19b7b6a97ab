"""Exercise: the transposed convolution of one image."""

import torch

from edudet.cases.case import Case
from edudet.cases.ops.conv_transpose import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.ops import conv_transpose2d


def conv_transpose(image, weight, stride, padding, output_padding):
    """Return the transposed convolution of an image: each cell writes the kernel, copies add.

    image           (C, H, W) float32
    weight          (C, D, K, L) float32: weight[c, d] is the kernel that channel c of the image
                    writes into channel d of the output
    stride          how far apart neighbours of the image write, at least 1
    padding         how many cells are cut off from every side of what was written
    output_padding  how many are left on, or added, at the bottom and at the right; less than stride

    Returns (D, H', W') float32, where H' = (H - 1) stride + K - 2 padding + output_padding, and W'
    likewise with L.
    """
    return conv_transpose2d(image, weight, None, stride, padding, output_padding)


def narrowed(case):
    """One image of a batch; a row is an image of height 1."""
    image, weight, _, stride, padding, output_padding, _, _ = case.args
    if isinstance(image[0][0][0], list):
        return Case(case.name, (image[0], weight, stride, padding, output_padding), None)
    rows = [[row] for row in image[0]]
    kernels = [[[row] for row in one] for one in weight]
    return Case(case.name, (rows, kernels, stride, padding, output_padding), None)


NARROWED = [narrowed(case) for case in CASES]


def numbers(random, *shape):
    return random.integers(-8, 9, shape).tolist()


def one_channel(random):
    height, width, k = (int(size) for size in random.integers(1, 5, 3))
    return numbers(random, 1, height, width), numbers(random, 1, 1, k, 3), 2, 0, 0


def channels(random):
    c, d = (int(count) for count in random.permutation([1, 2, 3])[:2])
    height, width = (int(size) for size in random.permutation([2, 3, 4])[:2])
    weight = numbers(random, c, d, 2, 3)
    return numbers(random, c, height, width), weight, int(random.integers(1, 4)), 0, 0


def cut_and_grown(random):
    stride = int(random.integers(2, 4))
    padding, more = int(random.integers(1, 3)), int(random.integers(1, stride))
    return numbers(random, 2, 3, 4), numbers(random, 2, 2, 4, 3), stride, padding, more


def beyond_the_kernel(random):
    """A kernel smaller than the stride leaves cells without a writer, also in the rim."""
    height, width = (int(size) for size in random.permutation([1, 2, 3])[:2])
    return numbers(random, 1, height, width), numbers(random, 1, 2, 2, 1), 3, 0, 2


def of_one_image(mistake):
    return lambda image, weight, *numbers: mistake([image], weight, None, *numbers, 1, 1)[0]


ONE_IMAGE = {
    hint: of_one_image(mistake) for hint, mistake in MISTAKES.items()
    if not any(word in hint for word in ("dilation spreads", "group", "bias"))
}  # fmt: skip


def last_channel_alone(image, weight, *numbers):
    """A loop over channels whose last turn writes over all others."""
    overwrites = ONE_IMAGE["where two copies of the kernel overlap, they add"]
    return overwrites(image[-1:], weight[-1:], *numbers)


EXERCISE = Exercise(
    title="Transposed convolution",
    functions=[conv_transpose],
    tests=[
        worked("a row", 2, NARROWED, "stride 1", "stride 2", "a checkerboard"),
        worked("2 x 2 and larger", 2, NARROWED, "2 x 2 to 3 x 3", "2 x 2 to 4 x 4",
               "2 x 2 to 5 x 5", "the kernel itself"),
        worked("channels", 2, NARROWED, "two channels in, three out", "two channels in, two out"),
        hidden("one channel", 2, one_channel),
        hidden("more channels", 2, channels),
        hidden("padding and output_padding", 2, cut_and_grown),
        hidden("a stride beyond the kernel", 1, beyond_the_kernel),
    ],
    prepare=lambda image, weight, *numbers: (
        torch.tensor(image, dtype=torch.float32), torch.tensor(weight, dtype=torch.float32),
        *numbers,
    ),
    mistakes=ONE_IMAGE | {
        "what the channels of the image write adds up, too": last_channel_alone,
    },
    given=["conv_matrix"],
    tolerance=(1e-6, 1e-6),
    line_budget=16,
    example=([[[1, 2], [3, 4]]], [[[[1, 1, 1], [1, 1, 1], [1, 1, 1]]]], 2, 1, 1),
)  # fmt: skip

"""Exercise: the matrix of a convolution, along one axis and of a map."""

import math

import torch

from edudet.cases.ops.conv_matrix import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.ops import conv_matrix as library_conv_matrix


def conv_matrix(kernel, input_size, stride, padding, dilation):
    """Return the matrix X for which `X @ signal` is the convolution of a signal with `kernel`.

    kernel          (K,) float32
    input_size      N, the number of cells of the signal
    stride          how far the kernel moves from one result to the next, at least 1
    padding         how many zeros stand before and after the signal; X has no column for them
    dilation        how far apart the numbers of the kernel lie, at least 1

    Returns (R, N) float32, a row for each place where the kernel fits into the padded signal.
    """
    return library_conv_matrix(kernel, input_size, stride, padding, dilation)


def conv_matrix2d(kernel, height, width):
    """Return the matrix of a convolution of a map, which is read row by row.

    kernel          (K, L) float32, not larger than the map; stride 1, no padding, no dilation

    Returns (R, height * width) float32. Results are counted row by row as well.
    """
    return library_conv_matrix(kernel, (height, width))


def kernel_of(random, *shape):
    """Different numbers, none of them 0: a flipped kernel is another one."""
    return (random.permutation(20)[: math.prod(shape)] + 1).reshape(shape).tolist()


def any_kernel(random):
    k, stride, padding = (int(random.integers(low, high)) for low, high in ((2, 5), (1, 4), (0, 3)))
    return kernel_of(random, k), int(random.integers(4, 10)), stride, padding, 1


def wide_padding(random):
    """As wide as the kernel or more: some rows read padding alone."""
    k = int(random.integers(1, 4))
    return kernel_of(random, k), int(random.integers(5, 8)), int(random.integers(1, 3)), k + 1, 1


def dilated(random):
    k, dilation = (int(number) for number in random.integers(2, 4, 2))
    padding, stride = (int(number) for number in random.integers(1, 3, 2))
    return kernel_of(random, k), 8, stride, padding, dilation


def any_map(random):
    height, width = (int(size) for size in random.permutation([3, 4, 5])[:2])
    k, columns = (int(size) for size in random.integers(1, 4, 2))
    return kernel_of(random, k, columns), (height, width), 1, 0, 1


# Which part of the task each mistake is in; the matrix of a map has a stride of 1, no padding.
OF_A_MAP = [
    "the kernel is not flipped",
    "one row too many: six cells and a kernel of three give four results",
    "this is the transpose: a row is for a result, a column for a cell",
    "a map is read row by row, not column by column",
]  # fmt: skip

EXERCISE = Exercise(
    title="The matrix of a convolution",
    functions=[conv_matrix, conv_matrix2d],
    tests=[
        worked("a row for each result", 2, CASES, "six cells", "padding 1"),
        worked("stride and dilation", 2, CASES, "stride 2", "padding 1, stride 2", "dilation 2"),
        worked("a map, row by row", 2, CASES, "two axes", "two axes, one column",
               function="conv_matrix2d"),
        hidden("any kernel, any stride", 3, any_kernel),
        hidden("wide padding", 1, wide_padding),
        hidden("dilated kernels", 1, dilated),
        hidden("maps", 2, any_map, function="conv_matrix2d"),
    ],
    prepare={
        "conv_matrix": lambda kernel, *numbers: (
            torch.tensor(kernel, dtype=torch.float32), *numbers),
        "conv_matrix2d": lambda kernel, size, *numbers: (
            torch.tensor(kernel, dtype=torch.float32), *size),
    },
    mistakes={
        "conv_matrix": {hint: mistake for hint, mistake in MISTAKES.items()
                        if "row by row" not in hint},
        "conv_matrix2d": {hint: MISTAKES[hint] for hint in OF_A_MAP},
    },
    line_budget=20,
    example=([2, 3, 5], 4, 1, 1, 1),
)  # fmt: skip

"""Exercise: max pooling that remembers where each maximum was."""

from edudet import ops
from edudet.cases.case import Case
from edudet.cases.ops.max_pool import CASES, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import draw_maps, maps_tensor


def max_pool2d_with_indices(input, kernel_size, stride, padding):
    """Return the maximum of every window, and where it is.

    Args:
        input: (C, H, W) float32.
        kernel_size, stride, padding: (vertical, horizontal), two integers each; padding is at most
            half of the kernel size. Padded cells never win.

    Returns:
        (values, indices), both (C, H', W'), float32 and int64; H' is
        (H + 2 * padding - kernel_size) // stride + 1 with the vertical numbers, W' with the
        horizontal ones. An index is y * W + x in the channel's map, without the padding. Of equal
        values the first in reading order wins.
    """
    return ops.max_pool2d_with_indices(input, kernel_size, stride, padding)


def pair(size):
    return size if isinstance(size, tuple) else (size, size)


def prepare(rows, kernel_size, stride, padding):
    return maps_tensor(rows), pair(kernel_size), pair(stride), pair(padding)


def plain(mistake):
    """A mistake of one map, without dilation and ceil mode, as one of several channels."""

    def solution(rows, *sizes):
        maps = rows if isinstance(rows[0][0], list) else [rows]
        results = [mistake(one, *sizes, 1, False) for one in maps]
        return [values for values, _ in results], [indices for _, indices in results]

    return solution


# Without dilation, ceil mode and infinity.
PLAIN_CASES = [
    Case(case.name, case.args[:4], case.expected)
    for case in CASES if case.args[4:] == (1, False) and case.name != "-inf"
]  # fmt: skip


def map_of(random, height, width, channels=2, low=0, high=9):
    return random.integers(low, high + 1, (channels, height, width)).tolist()


def halves(random):
    """Windows side by side; few values, so that some are equal."""
    height, width = (2 * int(n) for n in random.integers(1, 5, 2))
    return map_of(random, height, width, high=3), 2, 2, 0


def overlapping(random):
    """Large windows in small steps, with a rest that no window reaches."""
    height, width = (int(n) for n in random.integers(5, 9, 2))
    stride = tuple(int(n) for n in random.permutation([1, 2]))
    return map_of(random, height, width), 3, stride, 0


def apart(random):
    """Steps larger than the windows."""
    height, width = (int(n) for n in random.integers(5, 9, 2))
    return map_of(random, height, width), (int(random.integers(1, 3)), 2), 3, 0


def padded(random):
    """Negative values beside padding."""
    height, width = (int(n) for n in random.integers(3, 7, 2))
    kernel, padding = random.permutation([[2, 1], [3, 1], [4, 2]])[:2].T.tolist()
    return map_of(random, height, width, 2, -9, -1), tuple(kernel), 2, tuple(padding)


def draw(axes, case, result):
    from edudet.draw import COLOURS  # needs matplotlib, which checking does not

    maps = prepare(*case)[0]
    draw_maps(axes, maps, result[0])
    _, height, width = maps.shape
    for c, places in enumerate(result[1]):
        for i in (int(i) for row in places for i in row):
            y, x = c * (height + 1) + i // width, i % width
            axes.plot(x, y, "s", markersize=22, markerfacecolor="none", color=COLOURS["dropped"])
    axes.set_title("at " + ", ".join(str(int(i)) for row in result[1][0] for i in row))


EXERCISE = Exercise(
    title="Max pooling with positions",
    functions=[max_pool2d_with_indices],
    tests=[
        worked("windows side by side", 2, PLAIN_CASES, "lecture", "equal values",
               "down and right differ", "the rest is dropped"),
        worked("overlapping windows", 1, PLAIN_CASES, "steps of 1", "position in the map"),
        worked("padding", 1, PLAIN_CASES, "padding never wins", "lecture"),
        hidden("halves, equal values", 2, halves),
        hidden("overlapping, with a rest", 2, overlapping),
        hidden("steps larger than windows", 1, apart),
        hidden("padding around negative values", 3, padded),
    ],
    mistakes={
        hint: plain(wrong) for hint, wrong in MISTAKES.items() if "forgotten" not in hint
    },
    prepare=prepare,
    line_budget=20,
    example=([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]], 2, 2, 0),
    draw=draw,
)  # fmt: skip

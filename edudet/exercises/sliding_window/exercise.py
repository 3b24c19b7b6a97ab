"""Exercise: all windows of an image, and how many there are."""

from edudet.cases.case import Case
from edudet.cases.proposals.sliding_window import CASES, COUNTS, MISTAKES
from edudet.course.exercise import Exercise, hidden, worked
from edudet.course.material import boxes_tensor
from edudet.proposals import sliding_windows as library_windows
from edudet.proposals import window_count as library_count


def sliding_windows(image_size, window_size, stride, scale):
    """Return all windows that lie wholly on one level of an image pyramid.

    image_size, window_size: (height, width) of the level and of the window, in its pixels.
    stride: (down, right), steps from window to window.
    scale: (vertical, horizontal) size of the level relative to the original image: where it is
    0.5, a pixel of the level is two pixels of the image.

    Returns (N, 4) float32, (x1, y1, x2, y2) in pixels of the original image; row by row, from the
    left in each row. N may be 0.
    """
    return library_windows(image_size, window_size, stride, scale)


def window_count(image_size, window_size, stride):
    """Return, as an int, how many windows lie wholly in an image.

    image_size, window_size: (height, width); stride: (down, right). If `window_size` is None:
    how many rectangles of any size there are at any place, whatever the stride.
    """
    return library_count(image_size, window_size, stride)


def pair(size):
    return (size, size) if isinstance(size, int) else size


def count_arguments(image, window=None, stride=1):
    return image, window and pair(window), pair(stride)


def sizes(random, most_image, most_window, most_stride):
    return [tuple(random.integers(1, most + 1, 2).tolist())
            for most in (most_image, most_window, most_stride)]  # fmt: skip


def level(random):
    """A few of the windows are higher or wider than the image."""
    (height, width), window, stride = sizes(random, 8, 4, 1)
    return (height + 2, width + 2), window, stride, (1.0, 1.0)


def wide_steps(random):
    (height, width), window, stride = sizes(random, 8, 5, 4)
    return (height + 4, width + 4), window, stride, (1.0, 1.0)


def pyramid_level(random):
    scale = tuple(random.choice([0.25, 0.5, 2.0], 2, replace=False).tolist())
    (height, width), window, stride = sizes(random, 6, 3, 3)
    return (height + 3, width + 3), window, stride, scale


def large_image(random):
    """Too many to write them all down; some images are smaller than the window."""
    return tuple(sizes(random, 1200, 400, 16))


def all_rectangles(random):
    return (tuple(random.integers(1, 800, 2).tolist()),)


def counted(rows=lambda side, window, step: max(0, (side - window) // step + 1),
            rectangles=lambda side: side * (side + 1) // 2):  # fmt: skip
    """window_count with one part exchanged."""
    def count(*case):
        image, window, stride = count_arguments(*case)
        if window is None:
            return rectangles(image[0]) * rectangles(image[1])
        down, right = (rows(*sides) for sides in zip(image, window, stride, strict=True))
        return down * right

    return count


COUNT_MISTAKES = {
    "the first window counts, too: + 1": counted(lambda side, window, step: max(
        0, (side - window) // step
    )),
    "rounded up: the last window would reach beyond the border": counted(
        lambda side, window, step: max(0, -((window - side) // step) + 1)
    ),
    "a window at every step, also where it reaches beyond the border": counted(
        lambda side, window, step: side // step
    ),
    "an image smaller than the window has none, not less than none": counted(
        lambda side, window, step: (side - window) // step + 1
    ),
    "a side of n pixels has n + 1 edges: n (n + 1) / 2 pairs, not n (n - 1) / 2": counted(
        rectangles=lambda side: side * (side - 1) // 2
    ),
    "squares only; a rectangle's sides are chosen one by one": lambda *case: (
        counted()(*case) if len(case) > 1
        else sum((case[0][0] - n) * (case[0][1] - n) for n in range(min(case[0])))
    ),
}


def draw(axes, case, result):
    """The level in image pixels, the windows in it, each a little smaller than the one before."""
    from edudet.draw import draw_boxes

    (height, width), (down, right) = pair(case[0]), case[3] if len(case) > 3 else (1, 1)
    windows = boxes_tensor(result)
    draw_boxes(axes, boxes_tensor([[0, 0, width / right, height / down]]), "faint", width=4)
    for i, window in enumerate(windows):
        inset = min(0.06 * i, 0.4) * boxes_tensor([[1, 1, -1, -1]])
        draw_boxes(axes, window[None] + inset, "marked" if i else "kept")
        x, y = ((window[:2] + window[2:]) / 2).tolist()
        axes.text(x, y, str(i), ha="center", va="center", fontsize=9)
    axes.set_xlim(-0.5, width / right + 0.5)
    axes.set_ylim(height / down + 0.5, -0.5)
    axes.set_aspect("equal")


EXERCISE = Exercise(
    title="Sliding windows",
    functions=[sliding_windows, window_count],
    tests=[
        worked("windows: which fit", 2, CASES, "one fits", "none fits", "row by row"),
        worked("windows: steps", 2, CASES, "stride", "the rest is left out", "strides differ"),
        worked("windows: a level of a pyramid", 1, CASES, "a level of half size", "stride"),
        worked("count", 2, [*COUNTS, Case("a rest", ((5, 9), (3, 4), 2), 6)],
               function="window_count"),
        hidden("windows: every one", 2, level),
        hidden("windows: wide steps", 1, wide_steps),
        hidden("windows: levels of a pyramid", 1, pyramid_level),
        hidden("count: large images", 1, large_image, calls=8, function="window_count"),
        hidden("count: all rectangles", 1, all_rectangles, function="window_count"),
    ],
    mistakes={"sliding_windows": MISTAKES, "window_count": COUNT_MISTAKES},
    prepare={
        "sliding_windows": lambda image, window, stride, scale=(1.0, 1.0): (
            pair(image), pair(window), pair(stride), scale
        ),
        "window_count": count_arguments,
    },
    tolerance=(1e-6, 1e-6),
    line_budget=18,
    example=((5, 9), (3, 4), (2, 2), (1.0, 1.0)),
    draw={"sliding_windows": draw},
)  # fmt: skip
